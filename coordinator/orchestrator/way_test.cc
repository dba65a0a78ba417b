// Messages whose way to their host, or whose claude, depends on variables of their senders, over
// lives of the coordinator.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
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
using ::testing::IsEmpty;

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

// gpu is on this machine. Its claude works in the asker's WHO, or else has it.
class LocalWayTest : public AskerTest, public ::testing::WithParamInterface<bool> {
 protected:
  LocalWayTest() {
    path_is_of_asker_ = GetParam();
    if (!path_is_of_asker_) written_env_ = "${WHO:-nobody}";
    Restart();
  }
};

INSTANTIATE_TEST_SUITE_P(PathAndEnv, LocalWayTest, ::testing::Bool());

TEST_P(LocalWayTest, WhoHasOtherVariablesThanItsSenderGetsAMessageOfAnEarlierLifeNoClaude) {
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
  EXPECT_EQ(Who(), "bob");
  Settle(next.tell_id);
  EXPECT_TRUE(other.Wait().status.ok());
  Drain();
  OnLoop([this] { EXPECT_THAT(Transport().open_tells(), IsEmpty()); });

  OnLoop([&] { orchestrator_->AskFor(left.tell_id, From("ann").environment); });
  AwaitUnderWay(left.tell_id);
  EXPECT_EQ(Who(), "ann");
  Settle(left.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

TEST_P(LocalWayTest, WithTheSameItGoesOnWithoutAnybody) {
  TellSpec left = ToGpu("hello");
  left.environment = std::make_shared<const Environment>(Environment{{"TERM", "xterm"}});
  Recorder before, answered;
  Restart(/*gives=*/false);
  ASSERT_TRUE(Tell(left, before).ok());
  Restart();
  OnLoop([&] { ASSERT_TRUE(orchestrator_->Follow(left.tell_id, "cli", &answered).ok()); });
  Settle(left.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

// What comes next in the conversation has variables with which its team is another one.
TEST_P(LocalWayTest, WhatATeamWasGivenIsGoneOnWithBeforeAllElse) {
  const TellSpec given = From("ann"), next = ToGpu("hello");
  Recorder before, first, second;
  ASSERT_TRUE(Tell(given, before).ok());
  AwaitUnderWay(given.tell_id);
  ASSERT_TRUE(Tell(next, before).ok());
  Drain();
  Restart();
  absl::Status slept;
  OnLoop([&] {
    ASSERT_TRUE(orchestrator_->Follow(given.tell_id, "cli", &first).ok());
    ASSERT_TRUE(orchestrator_->Follow(next.tell_id, "cli", &second).ok());
    EXPECT_THAT(Transport().open_tells(), IsEmpty());
    orchestrator_->Sleep(
        "cli", "gpu", /*force=*/false,
        [&](const absl::StatusOr<v1::SleepResponse>& response) { slept = response.status(); });
  });
  Drain();
  EXPECT_EQ(KindOf(slept), v1::FAILURE_BUSY_LIMIT);
  EXPECT_THAT(second.texts, Contains(HasSubstr("behind 1 message")));
  OnLoop([&] { orchestrator_->AskFor(given.tell_id, given.environment); });
  Settle(given.tell_id);
  EXPECT_TRUE(first.Wait().status.ok());
  Settle(next.tell_id);
  EXPECT_TRUE(second.Wait().status.ok());
}

TEST_P(LocalWayTest, OnceThatIsCancelledTheRestGoesOn) {
  const TellSpec given = From("ann"), next = ToGpu("hello");
  Recorder before, answered;
  ASSERT_TRUE(Tell(given, before).ok());
  AwaitUnderWay(given.tell_id);
  ASSERT_TRUE(Tell(next, before).ok());
  Drain();
  Restart();
  OnLoop([&] {
    ASSERT_TRUE(orchestrator_->Follow(next.tell_id, "cli", &answered).ok());
    orchestrator_->Cancel(given.tell_id, "cli",
                          [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
  });
  Settle(next.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
}

TEST_P(LocalWayTest, WhereTheConfigurationDidNotLoadItIsSaidWhoseVariablesAreMissing) {
  const TellSpec left = From("ann");
  Recorder before, ended;
  Restart(/*gives=*/false);
  ASSERT_TRUE(Tell(left, before).ok());
  config_status_ = MakeFailure(v1::FAILURE_BAD_REQUEST, "WHO is not set");
  Restart();
  config_status_ = absl::OkStatus();
  OnLoop([&] {
    ASSERT_TRUE(orchestrator_->Follow(left.tell_id, "cli", &ended).ok());
    orchestrator_->AskFor(left.tell_id, From("bob").environment);
    EXPECT_TRUE(orchestrator_->LacksAsker(left.tell_id));
    EXPECT_THAT(ended.texts.back(), HasSubstr("variables that its sender had"));
    orchestrator_->AskFor(left.tell_id, From("ann").environment);
  });
  Settle(left.tell_id);
  EXPECT_TRUE(ended.Wait().status.ok());
}

}  // namespace
}  // namespace iris
