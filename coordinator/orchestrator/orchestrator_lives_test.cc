#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What outlives a coordinator, a configuration, a link or a child.
class OrchestratorLivesTest : public OrchestratorTest {};

TEST_F(OrchestratorLivesTest, TheSameIdLaterHearsTheStoredOutcomeEvenInAnotherLife) {
  Start([](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, "partial");
    transport.Settle(id, MakeFailure(v1::FAILURE_CLAUDE_ERROR, "overloaded"));
  });
  const TellSpec spec = ToGpu("once");
  Recorder first;
  ASSERT_TRUE(Tell(spec, first).ok());
  first.Wait();

  Start(EchoScript);
  file_.teams.clear();  // The outcome is there whatever became of the team.
  Recorder again;
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(KindOf(again.Wait().status), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_EQ(*again.outcome.answer, "partial");
  EXPECT_EQ(factory_->made(), 0);
}

TEST_F(OrchestratorLivesTest, WhatAKilledCoordinatorLeftOpenIsSettledAsDropped) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running"), waiting = ToGpu("waiting");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  Drain();
  ASSERT_TRUE(Tell(waiting, b).ok());

  Start(EchoScript);  // Nothing of the old life is settled by its destructors.
  EXPECT_EQ(a.times_settled + b.times_settled, 0);
  Recorder a_again, b_again;
  ASSERT_TRUE(Tell(running, a_again).ok());
  ASSERT_TRUE(Tell(waiting, b_again).ok());
  EXPECT_EQ(KindOf(a_again.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(a_again.outcome.status).fix(), HasSubstr("Look at what the team did"));
  EXPECT_EQ(KindOf(b_again.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(b_again.outcome.status).detail(), HasSubstr("never got it"));
  EXPECT_EQ(factory_->made(), 0);
}

TEST_F(OrchestratorLivesTest, ALeavingCoordinatorSettlesEverythingWithThePartialText) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  ASSERT_TRUE(Tell(ToGpu("waiting"), b).ok());
  Drain();
  OnLoop([&] {
    Transport().Text(running.tell_id, "so far");
    orchestrator_->SettleOpen();
    EXPECT_TRUE(orchestrator_->idle());
    Transport().Settle(running.tell_id, absl::OkStatus());  // Too late.
  });
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_EQ(*a.outcome.answer, "so far");
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_EQ(KindOf(Tell(ToGpu("late"), b)), v1::FAILURE_DROPPED);
  Drain();
  EXPECT_EQ(a.times_settled, 1);
}

TEST_F(OrchestratorLivesTest, AConfigurationThatBrokeIsReportedAndNothingIsStored) {
  config_status_ =
      MakeFailure(v1::FAILURE_BAD_REQUEST, "config.json:3: trailing comma", "Remove it.");
  Recorder recorder;
  const Failure failure = ToProto(Tell(ToGpu("x"), recorder));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(failure.detail(), "config.json:3: trailing comma");
  OnLoop([&] { EXPECT_THAT(*orchestrator_->Status(), IsEmpty()); });
}

TEST_F(OrchestratorLivesTest, ChangedSettingsApplyOnceTheSessionIsIdle) {
  Start(HoldScript);
  const TellSpec first = ToGpu("1"), second = ToGpu("2"), third = ToGpu("3");
  Recorder a, b, c;
  ASSERT_TRUE(Tell(first, a).ok());
  Drain();
  ChangePathOfGpu("/new");
  ASSERT_TRUE(Tell(second, b).ok());
  EXPECT_EQ(factory_->made(), 1);
  EXPECT_EQ(Transport().team().path, "/g");
  OnLoop([&] { Transport().Settle(first.tell_id, absl::OkStatus()); });
  Drain();
  OnLoop([&] { Transport().Settle(second.tell_id, absl::OkStatus()); });
  b.Wait();

  ASSERT_TRUE(Tell(third, c).ok());
  Drain();
  EXPECT_EQ(factory_->made(), 2);
  EXPECT_EQ(Transport().team().path, "/new");
  EXPECT_EQ(c.session_id, a.session_id);
}

TEST_F(OrchestratorLivesTest, LostContactIsNotDeath) {
  Recorder a, b;
  ASSERT_TRUE(Tell(ToGpu("x"), a).ok());
  a.Wait();
  Drain();
  EXPECT_EQ(OnlySession().state(), "ready");
  const int64_t pid = OnlySession().child_pid();
  EXPECT_NE(pid, 0);

  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_DROPPED, "ssh ended")); });
  EXPECT_EQ(OnlySession().state(), "unverifiable");
  EXPECT_EQ(OnlySession().child_pid(), pid);

  ASSERT_TRUE(Tell(ToGpu("y"), b).ok());
  b.Wait();
  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "exit 0")); });
  EXPECT_EQ(OnlySession().state(), "stopped");
  EXPECT_EQ(OnlySession().child_pid(), 0);
}

}  // namespace
}  // namespace iris
