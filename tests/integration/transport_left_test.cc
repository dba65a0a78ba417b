// What no host has got: taken back while the host is out of reach, and given only once that is
// stored.

#include <memory>
#include <string>

#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// What is taken back is not settled, and starts nothing when the host is there.
TEST_F(TransportTest, WhatIsTakenBackIsNeitherSettledNorRunAndTheHostIsSaidToBeBack) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  sink_.waits_for_host = true;
  const std::string id = Tell("hello");
  EXPECT_FALSE(sink_.WaitForAway().ok());
  sink_.ForgetAways();
  OnLoop([&] {
    EXPECT_FALSE(transport_->Withdraw(NewUuid()));
    EXPECT_TRUE(transport_->Withdraw(id));
    EXPECT_FALSE(transport_->Withdraw(id));
    EXPECT_FALSE(transport_->busy());
    transport_->TryNow();
  });
  EXPECT_EQ(KindOf(sink_.WaitForAway()), v1::FAILURE_UNREACHABLE);
  host_.RefuseWith(absl::OkStatus());
  sink_.WaitForBacks(1);
  OnLoop([this] { EXPECT_TRUE(sink_.pids().empty()); });
  OnLoop([&] { transport_->Tell(id, "COUNT"); });
  EXPECT_EQ(sink_.WaitFor(id).text, "1");
}

TEST_F(TransportTest, WhatTheHostMayHaveIsNotTakenBack) {
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  OnLoop([&] { EXPECT_FALSE(transport_->Withdraw(id)); });
  LetGo();
  host_.RefuseWith(absl::OkStatus());
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
}

TEST_F(TransportTest, NothingIsSentBeforeItIsStoredThatItMayBeThere) {
  sink_.may_give = false;
  const std::string id = Tell("COUNT");
  ASSERT_TRUE(Eventually([this] { return sink_.asked_to_give() >= 2; }));
  EXPECT_FALSE(host_.busy());
  sink_.may_give = true;
  EXPECT_EQ(sink_.WaitFor(id).text, "1");
}

// With no more logins, each of which would count against the account.
TEST_F(TransportTest, WhatNobodyHasAskedForInThisLifeWaitsForSomebodyWithKeys) {
  team_.remote = RemoteCommand{.text = "ssh gpu1", .program = "ssh", .destination = "gpu1"};
  Renew();
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  sink_.is_of_sender = false;
  const std::string id = Tell("hello");
  EXPECT_EQ(KindOf(sink_.WaitForAway()), v1::FAILURE_AUTH);
  EXPECT_THAT(sink_.last_progress(), HasSubstr("waits for somebody"));
  OnLoop([&] {
    EXPECT_EQ(link_->Status().state(), v1::LinkStatus::BLOCKED);
    EXPECT_TRUE(transport_->Withdraw(id));
  });
  host_.RefuseWith(absl::OkStatus());
  OnLoop([this] { transport_->TryNow(); });
  sink_.WaitForBacks(1);
}

// The attempt that is under way has not what the new asker has: its failure says nothing of that.
TEST_F(TransportTest, WhoAsksWhileALoginWithoutKeysIsUnderWayHasALoginOfItsOwn) {
  team_.remote = RemoteCommand{.text = "ssh gpu1", .program = "ssh", .destination = "gpu1"};
  Renew();
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  std::string id = NewUuid();
  Team asked = team_;
  asked.asker.environment = std::make_shared<const Environment>();
  OnLoop([&] {
    transport_->Tell(id, "hello");
    transport_->UseAskerOf(asked);
  });
  EXPECT_EQ(KindOf(sink_.WaitForAway()), v1::FAILURE_AUTH);
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_AUTH) << "of the second attempt";
}

TEST_F(TransportTest, WhoAwaitsAHostNoMoreLetsGoOfTheLink) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  sink_.waits_for_host = true;
  const std::string id = Tell("hello");
  EXPECT_FALSE(sink_.WaitForAway().ok());
  OnLoop([&] {
    EXPECT_TRUE(transport_->Withdraw(id));
    transport_->StopAwaiting();
  });
  EXPECT_TRUE(Eventually([this] {
    bool down = false;
    OnLoop([&] { down = link_->Status().state() == v1::LinkStatus::DOWN; });
    return down;
  }));
}

// Of a turn that says two things at once, and nothing for long.
TEST_F(TransportTest, TheLastWordsAreShownHoweverSoonTheyCome) {
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForWords("word7");
  LetGo();
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
}

}  // namespace
}  // namespace iris
