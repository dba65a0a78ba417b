// Messages whose way to their host depends on variables of their senders, over lives of the
// coordinator.

#include <string>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/asker_fixture.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// gpu is on a host, and who asks there is the asker's WHO.
class WayTest : public AskerTest {
 protected:
  WayTest() {
    file_.teams[1].remote = RemoteCommand{.text = "ssh gpu1",
                                          .program = "ssh",
                                          .options = {},
                                          .destination = "gpu1",
                                          .written = "ssh ${WHO}@gpu1"};
    on_load_ = [](const EnvLookup& env, Config& config) {
      config.teams[1].remote->text = "ssh " + env("WHO").value_or("nobody") + "@gpu1";
    };
    Restart();
  }
  // `gives`: messages get to the host.
  void Restart(bool gives = true) {
    OnLoop([this] { orchestrator_->Leave(); });
    hold_starts_ = !gives;
    Start(HoldScript);
    Drain();
  }
  std::string Way() {
    std::string way;
    OnLoop([&] { way = Transport().team().remote->text; });
    return way;
  }
};

TEST_F(WayTest, WhoHasOtherVariablesThanItsSenderLeadsAMessageOfAnEarlierLifeNowhere) {
  const TellSpec left = From("ann"), next = From("bob");
  Recorder before, answered, other;
  Restart(/*gives=*/false);
  ASSERT_TRUE(Tell(left, before).ok());
  Restart();
  OnLoop([&] {
    ASSERT_TRUE(orchestrator_->Follow(left.tell_id, "cli", &answered).ok());
    EXPECT_TRUE(orchestrator_->LacksAsker(left.tell_id));
    orchestrator_->AskFor(left.tell_id, next.environment);
    EXPECT_TRUE(orchestrator_->LacksAsker(left.tell_id));
  });
  EXPECT_THAT(answered.texts, Contains(HasSubstr("variables that its sender had")));
  // In the same conversation.
  ASSERT_TRUE(Tell(next, other).ok());
  AwaitUnderWay(next.tell_id);
  EXPECT_EQ(Way(), "ssh bob@gpu1");
  OnLoop([&] { EXPECT_TRUE(orchestrator_->LacksAsker(left.tell_id)) << "the other has its own"; });
  Settle(next.tell_id);
  EXPECT_TRUE(other.Wait().status.ok());

  OnLoop([&] { orchestrator_->AskFor(left.tell_id, From("ann").environment); });
  AwaitUnderWay(left.tell_id);
  EXPECT_EQ(Way(), "ssh ann@gpu1");
  Settle(left.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

TEST_F(WayTest, BesideWhatAHostHasNobodyTakesItsConversationElsewhere) {
  const TellSpec given = From("ann"), next = From("ann");
  Recorder before, refused, answered;
  ASSERT_TRUE(Tell(given, before).ok());
  AwaitUnderWay(given.tell_id);
  Drain();
  Restart();
  EXPECT_EQ(KindOf(Tell(From("bob"), refused)), v1::FAILURE_BUSY_LIMIT);
  ASSERT_TRUE(Tell(next, answered).ok());
  AwaitUnderWay(given.tell_id);
  EXPECT_EQ(Way(), "ssh ann@gpu1");
  Settle(given.tell_id);
  Settle(next.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

TEST_F(WayTest, ItsSenderMayComeWithOthersAndThoseCountFromThenOn) {
  const TellSpec left = From("ann");
  TellSpec again = left;
  again.environment = From("bob").environment;
  Recorder before, answered;
  ASSERT_TRUE(Tell(left, before).ok());
  Restart();
  ASSERT_TRUE(Tell(again, answered).ok());
  AwaitUnderWay(left.tell_id);
  EXPECT_EQ(Way(), "ssh bob@gpu1");
  Settle(left.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

TEST_F(WayTest, WhatNobodyWithItsVariablesAsksForEndsWhenItsTimeIsOver) {
  const TellSpec left = From("ann");
  Recorder before, ended;
  ASSERT_TRUE(Tell(left, before).ok());
  OnLoop([this] { orchestrator_->Leave(); });
  TellLimits limits;
  limits.housekeeping = absl::Milliseconds(50);
  limits.host_wait_max = absl::ZeroDuration();
  Start(HoldScript, limits);
  OnLoop([&] { ASSERT_TRUE(orchestrator_->Follow(left.tell_id, "cli", &ended).ok()); });
  EXPECT_EQ(KindOf(ended.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(ended.outcome.status).detail(), HasSubstr("depends on variables"));
}

TEST_F(WayTest, WhereTheWayNamesNoVariableAMessageGoesOnByItself) {
  const TellSpec left = From("ann");
  Recorder before, answered;
  ASSERT_TRUE(Tell(left, before).ok());
  file_.teams[1].remote->written = "ssh gpu1";
  SaveConfig();
  Restart();
  OnLoop([&] { ASSERT_TRUE(orchestrator_->Follow(left.tell_id, "cli", &answered).ok()); });
  Settle(left.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

TEST_F(WayTest, AnAttemptWithTheKeysOfAnotherEndsNoMessage) {
  const TellSpec spec = From("ann"), behind = From("cem");
  Recorder recorder, stuck;
  Restart(/*gives=*/false);
  ASSERT_TRUE(Tell(spec, recorder).ok());
  ASSERT_TRUE(Tell(behind, stuck).ok());
  Drain();
  HostAway refused = {.why = MakeFailure(v1::FAILURE_AUTH, "no key"),
                      .environment = From("bob").environment};
  OnLoop([&] { Transport().BeAway(refused); });
  EXPECT_EQ(KindOf(stuck.Wait().status), v1::FAILURE_AUTH) << "nobody knows when its turn comes";
  EXPECT_EQ(recorder.times_settled, 0);
  refused.environment = spec.environment;
  OnLoop([&] { Transport().BeAway(refused); });
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_AUTH);
}

}  // namespace
}  // namespace iris
