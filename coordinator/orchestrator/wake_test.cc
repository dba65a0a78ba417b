#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What came of a wake or a sleep.
template <typename Response>
struct Answered {
  int times = 0;
  absl::StatusOr<Response> result;
  FailureKind kind() const { return KindOf(result.status()); }
};

class WakeTest : public OrchestratorTest {
 protected:
  using Woken = Answered<v1::WakeResponse>;
  using Slept = Answered<v1::SleepResponse>;

  void Wake(Woken& woken, const std::string& to = "gpu", const Caller& from = "cli") {
    OnLoop([&] {
      orchestrator_->Wake(from, to, [&woken](const auto& result) {
        ++woken.times;
        woken.result = result;
      });
      EXPECT_EQ(woken.times, 0) << "answered from inside";
    });
    Drain();
  }
  void Sleep(Slept& slept, bool force = false, const std::string& to = "gpu",
             const Caller& from = "cli") {
    OnLoop([&] {
      orchestrator_->Sleep(from, to, force, [&slept](const auto& result) {
        ++slept.times;
        slept.result = result;
      });
      EXPECT_EQ(slept.times, 0) << "answered from inside";
    });
    Drain();
  }
  FakeHosts& hosts() { return factory_->hosts(); }
};

TEST_F(WakeTest, AWokenSessionHasAChildAndNoMessage) {
  Woken first, second;
  Wake(first);
  ASSERT_EQ(first.times, 1);
  ASSERT_TRUE(first.result.ok()) << first.result.status();
  EXPECT_FALSE(first.result->was_ready());
  EXPECT_GT(first.result->child_pid(), 0);
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::READY);
  EXPECT_EQ(OnlySession().child_pid(), first.result->child_pid());
  EXPECT_EQ(OnlySession().tells_done(), 0u);

  Wake(second);
  ASSERT_TRUE(second.result.ok()) << second.result.status();
  EXPECT_TRUE(second.result->was_ready());
  EXPECT_EQ(second.result->child_pid(), first.result->child_pid());
  EXPECT_EQ(hosts().running, 1);
}

TEST_F(WakeTest, ATakeoverIsPassedOnAlsoWhereTheSessionLooksReady) {
  const auto take_over = [this](Woken& woken) {
    OnLoop([&] {
      orchestrator_->Wake(
          "cli", "gpu",
          [&woken](const auto& result) {
            ++woken.times;
            woken.result = result;
          },
          /*takeover=*/true);
    });
    Drain();
  };
  Woken woken, first, second, after;
  Wake(woken);
  ASSERT_TRUE(woken.result.ok());
  EXPECT_EQ(Transport().taken_over(), 0);
  take_over(first);
  EXPECT_EQ(first.times, 1);
  EXPECT_TRUE(first.result.ok()) << first.result.status();
  EXPECT_EQ(Transport().taken_over(), 1);
  take_over(second);
  EXPECT_EQ(Transport().taken_over(), 2);
  Wake(after);
  EXPECT_TRUE(after.result->was_ready());
  EXPECT_EQ(Transport().taken_over(), 2);
}

TEST_F(WakeTest, ASessionThatAnotherHostHasIsUnverifiable) {
  OnLoop([&] { hosts().start = MakeFailure(v1::FAILURE_WRONG_HOST, "it runs on gpu2"); });
  Woken woken;
  Wake(woken);
  EXPECT_EQ(woken.kind(), v1::FAILURE_WRONG_HOST);
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::UNVERIFIABLE);
}

TEST_F(WakeTest, AWakeThatFailsIsAnErrorOfItsKind) {
  OnLoop([&] { hosts().start = MakeFailure(v1::FAILURE_CLAUDE_MISSING, "no claude on gpu1"); });
  Woken woken, again;
  Wake(woken);
  ASSERT_EQ(woken.times, 1);
  EXPECT_EQ(woken.kind(), v1::FAILURE_CLAUDE_MISSING);
  EXPECT_THAT(std::string(woken.result.status().message()), HasSubstr("gpu1"));

  OnLoop([&] { hosts().start = absl::OkStatus(); });
  Wake(again);
  EXPECT_TRUE(again.result.ok()) << again.result.status();
}

TEST_F(WakeTest, EverybodyWhoWaitsForOneStartHearsOfIt) {
  OnLoop([&] { hosts().hold_starts = true; });
  Woken first, second;
  Recorder told;
  Wake(first);
  Wake(second);
  ASSERT_TRUE(Tell(ToGpu("hello"), told).ok());
  Drain();
  EXPECT_EQ(first.times + second.times, 0);
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::STARTING);

  OnLoop([&] { Transport().FinishStart(); });
  EXPECT_TRUE(told.Wait().status.ok());
  Drain();
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(second.times, 1);
  EXPECT_TRUE(first.result.ok() && second.result.ok());
  EXPECT_FALSE(second.result->was_ready());
}

TEST_F(WakeTest, TheTwoEndsAreCheckedAsForATell) {
  Woken woken;
  Wake(woken, "gpuu");
  EXPECT_EQ(woken.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(woken.result.status()).fix(), HasSubstr("Did you mean gpu?"));
  Slept slept;
  Sleep(slept, false, "gpu", "stranger");
  EXPECT_EQ(slept.kind(), v1::FAILURE_BAD_REQUEST);
  OnLoop([&] { EXPECT_THAT(*StatusOf(*orchestrator_), IsEmpty()); });
}

TEST_F(WakeTest, AtTheLimitAWakeTakesThePlaceOfAnIdleSession) {
  file_.settings.max_processes = 1;
  Woken gpu, backend;
  Wake(gpu);
  Wake(backend, "backend");
  EXPECT_TRUE(backend.result.ok()) << backend.result.status();
  OnLoop([&] { EXPECT_FALSE(Transport().ready()); });
  EXPECT_EQ(hosts().most_running, 1);
}

TEST_F(WakeTest, AtTheLimitAWakeWaitsForABusySession) {
  file_.settings.max_processes = 1;
  Start(HoldScript);
  const TellSpec spec = ToGpu("x");
  Recorder told;
  ASSERT_TRUE(Tell(spec, told).ok());
  Drain();
  Woken backend;
  Wake(backend, "backend");
  EXPECT_EQ(backend.times, 0);

  OnLoop([&] { Transport().Settle(spec.tell_id, absl::OkStatus()); });
  Drain();
  Drain();
  EXPECT_EQ(backend.times, 1);
  EXPECT_TRUE(backend.result.ok()) << backend.result.status();
  EXPECT_EQ(hosts().most_running, 1);
}

TEST_F(WakeTest, AWakeThatWaitsTooLongIsGivenUpAndLeavesTheLine) {
  file_.settings.max_processes = 1;
  Start(HoldScript, {.wake_waits_max = absl::Milliseconds(20)});
  const TellSpec spec = ToGpu("x");
  Recorder told;
  ASSERT_TRUE(Tell(spec, told).ok());
  Drain();
  Woken first, second;
  absl::Notification both;
  OnLoop([&] {
    for (Woken* woken : {&first, &second}) {
      orchestrator_->Wake("cli", "backend", [&, woken](const auto& result) {
        woken->result = result;
        if (++woken->times == 1 && woken == &second) both.Notify();
      });
    }
  });
  ASSERT_TRUE(both.WaitForNotificationWithTimeout(absl::Minutes(1)));
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(first.kind(), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(second.kind(), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(ToProto(second.result.status()).fix(), HasSubstr("maxProcesses"));

  // Nobody is left there for whom gpu would have to make room.
  OnLoop([&] { Transport().Settle(spec.tell_id, absl::OkStatus()); });
  Drain();
  OnLoop([&] { EXPECT_TRUE(Transport().ready()); });
  EXPECT_EQ(told.times_settled, 1);
}

TEST_F(WakeTest, AWakeThatGoesOnIsNotGivenUpAnyMore) {
  Start(EchoScript, {.wake_waits_max = absl::Seconds(2)});
  OnLoop([&] { hosts().hold_starts = true; });
  Woken woken;
  OnLoop([&] {
    orchestrator_->Wake("cli", "gpu", [&](const auto& result) {
      ++woken.times;
      woken.result = result;
    });
  });
  Drain();
  absl::Notification later;
  OnLoop([&] {
    thread_.loop().After(absl::Milliseconds(2500), [&] {
      Transport().FinishStart();
      later.Notify();
    });
  });
  ASSERT_TRUE(later.WaitForNotificationWithTimeout(absl::Minutes(1)));
  Drain();
  EXPECT_EQ(woken.times, 1);
  EXPECT_TRUE(woken.result.ok()) << woken.result.status();
}

TEST_F(WakeTest, SleepEndsTheChildAndTheNextTellStartsAnother) {
  Woken woken;
  Wake(woken);
  Slept slept, again;
  Sleep(slept);
  ASSERT_TRUE(slept.result.ok()) << slept.result.status();
  EXPECT_TRUE(slept.result->was_running());
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::STOPPED);
  EXPECT_EQ(hosts().running, 0);

  Sleep(again);
  ASSERT_TRUE(again.result.ok()) << again.result.status();
  EXPECT_FALSE(again.result->was_running());
  Recorder told;
  ASSERT_TRUE(Tell(ToGpu("hello"), told).ok());
  EXPECT_EQ(*told.Wait().answer, "hello");
}

TEST_F(WakeTest, ABusySessionIsPutToSleepByForceOnly) {
  Start(HoldScript);
  Recorder running, waiting;
  ASSERT_TRUE(Tell(ToGpu("1"), running).ok());
  ASSERT_TRUE(Tell(ToGpu("2"), waiting).ok());
  Drain();
  Slept refused, forced;
  Sleep(refused);
  EXPECT_EQ(refused.kind(), v1::FAILURE_BUSY_LIMIT);
  EXPECT_THAT(std::string(refused.result.status().message()), HasSubstr("2 messages"));
  EXPECT_EQ(running.times_settled + waiting.times_settled, 0);

  OnLoop([&] { Transport().Text(Transport().open_tells().front(), "half"); });
  Sleep(forced, /*force=*/true);
  ASSERT_TRUE(forced.result.ok()) << forced.result.status();
  EXPECT_TRUE(forced.result->was_running());
  EXPECT_EQ(KindOf(running.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_EQ(*running.outcome.answer, "half");
  EXPECT_EQ(KindOf(waiting.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_THAT(std::string(waiting.outcome.status.message()), HasSubstr("never got it"));
  OnLoop([&] { EXPECT_TRUE(orchestrator_->idle()); });
}

TEST_F(WakeTest, SleepCancelsAWakeThatIsUnderWay) {
  OnLoop([&] { hosts().hold_starts = true; });
  Woken woken;
  Slept slept;
  Wake(woken);
  Sleep(slept);
  EXPECT_EQ(woken.kind(), v1::FAILURE_CANCELLED);
  EXPECT_TRUE(slept.result.ok()) << slept.result.status();
}

TEST_F(WakeTest, WhatWaitsForAProcessIsCancelledWithoutOne) {
  file_.settings.max_processes = 1;
  Start(HoldScript);
  Recorder busy, in_line;
  ASSERT_TRUE(Tell(ToGpu("x"), busy).ok());
  TellSpec spec = ToGpu("y");
  spec.to = "backend";
  ASSERT_TRUE(Tell(spec, in_line).ok());
  Woken woken;
  Wake(woken, "backend");
  Slept slept;
  Sleep(slept, /*force=*/true, "backend");
  EXPECT_EQ(KindOf(in_line.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_EQ(woken.kind(), v1::FAILURE_CANCELLED);
  ASSERT_TRUE(slept.result.ok()) << slept.result.status();
  EXPECT_FALSE(slept.result->was_running());
  EXPECT_EQ(busy.times_settled, 0);
  OnLoop([&] {
    const std::vector<v1::SessionStatus> sessions = *StatusOf(*orchestrator_);
    for (const v1::SessionStatus& session : sessions)
      EXPECT_NE(session.state(), v1::SessionStatus::WAITING);
  });
}

TEST_F(WakeTest, AWakeThatFailsMakesRoom) {
  file_.settings.max_processes = 1;
  OnLoop([&] { hosts().hold_starts = true; });
  Woken gpu, backend;
  Wake(gpu);
  Wake(backend, "backend");
  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "exit 1")); });
  EXPECT_EQ(gpu.kind(), v1::FAILURE_CHILD_EXITED);
  Drain();
  OnLoop([&] { factory_->Between("cli", "backend").FinishStart(); });
  Drain();
  EXPECT_TRUE(backend.result.ok()) << backend.result.status();
}

// Its child may still be there: only the host can say.
TEST_F(WakeTest, ASessionOfAnEarlierLifeIsAskedFor) {
  Woken woken;
  Wake(woken);
  Start(EchoScript);
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::UNVERIFIABLE);
  Slept slept;
  Sleep(slept);
  EXPECT_TRUE(slept.result.ok()) << slept.result.status();
  EXPECT_EQ(factory_->made(), 1);
  EXPECT_EQ(Transport().terminated(), 1);
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::STOPPED);
}

TEST_F(WakeTest, ASessionWithNewSettingsEndsItsOldChildFirst) {
  Woken woken, again;
  Wake(woken);
  ChangePathOfGpu("/new");
  Wake(again);
  Drain();
  ASSERT_TRUE(again.result.ok()) << again.result.status();
  EXPECT_FALSE(again.result->was_ready());
  EXPECT_EQ(Transport().team().path, "/new");
  EXPECT_EQ(hosts().most_running, 1);
}

TEST_F(WakeTest, AMessageDoesNotGoToAStartWithOlderSettings) {
  OnLoop([&] { hosts().hold_starts = true; });
  Woken woken;
  Wake(woken);
  Drain();
  ChangePathOfGpu("/new");
  Recorder recorder;
  ASSERT_TRUE(Tell(ToGpu("x"), recorder).ok());
  Drain();
  OnLoop([&] {
    EXPECT_THAT(Transport().open_tells(), IsEmpty());
    hosts().hold_starts = false;
    Transport().FinishStart();
  });
  EXPECT_TRUE(recorder.Wait().status.ok());
  EXPECT_EQ(Transport().team().path, "/new");
  EXPECT_TRUE(woken.result.ok()) << woken.result.status();
}

TEST_F(WakeTest, ALeavingCoordinatorAnswersEverybody) {
  OnLoop([&] { hosts().hold_starts = true; });
  Woken woken, late;
  Slept slept;
  Wake(woken);
  OnLoop([&] {
    orchestrator_->Sleep("cli", "gpu", false, [&slept](const auto& result) {
      ++slept.times;
      slept.result = result;
    });
    EXPECT_TRUE(orchestrator_->SettleOpen().ok());
  });
  EXPECT_EQ(woken.kind(), v1::FAILURE_DROPPED);
  EXPECT_EQ(slept.kind(), v1::FAILURE_DROPPED);
  Wake(late);
  EXPECT_EQ(late.kind(), v1::FAILURE_DROPPED);
  EXPECT_EQ(woken.times + slept.times + late.times, 3);
}

}  // namespace
}  // namespace iris
