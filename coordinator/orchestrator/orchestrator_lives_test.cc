#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What outlives a coordinator, a configuration, a link or a child.
class OrchestratorLivesTest : public OrchestratorTest {
 protected:
  // Until `condition` is true on the loop.
  void WaitOnLoop(const std::function<bool()>& condition) {
    bool met = false;
    for (const absl::Time deadline = absl::Now() + absl::Seconds(20);
         !met && absl::Now() < deadline;) {
      OnLoop([&] { met = condition(); });
    }
    EXPECT_TRUE(met);
  }
  // The session of gpu was read, and given its tells, at this host.
  void StoreThatItIsOn(const std::string& host) {
    const ReadMark mark{.journal_id = "journal", .seq = 1, .host = {.key = host, .name = host}};
    OnLoop([&] { Transport().BeReadUpTo(mark); });
    WaitOnLoop([&] { return Transport().acknowledged() == mark; });
  }
};

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

TEST_F(OrchestratorLivesTest, WhatWasAcceptedAndIsInTheStoreNoMoreIsNotRun) {
  TellSpec spec = ToGpu("once");
  Recorder first, again;
  ASSERT_TRUE(Tell(spec, first).ok());
  first.Wait();

  store_options_ = {};
  OnLoop([&] {
    orchestrator_.reset();
    store_.reset();
    for (const char* name : {"iris.db", "iris.db-wal", "iris.db-shm"}) {
      std::filesystem::remove(dir_.File(name));
    }
  });
  Start(EchoScript);
  spec.accepted_before = true;
  const absl::Status refused = Tell(spec, again);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(ToProto(refused).detail(), HasSubstr(spec.tell_id));
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("Look at what the team did"));
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("it would run, also under its id"));
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("iris tells " + spec.tell_id));
  OnLoop([&] { EXPECT_TRUE(orchestrator_->idle()); });
  EXPECT_EQ(factory_->made(), 0);

  spec.accepted_before = false;  // Nobody has promised anything: it is new.
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_TRUE(again.Wait().status.ok());
  spec.accepted_before = true;  // And known.
  Recorder known;
  ASSERT_TRUE(Tell(spec, known).ok());
  EXPECT_EQ(*known.Wait().answer, "once");
}

TEST_F(OrchestratorLivesTest, WhatAKilledCoordinatorLeftOpenGoesOnInItsOrder) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running"), waiting = ToGpu("waiting");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  Drain();
  ASSERT_TRUE(Tell(waiting, b).ok());

  Start(HoldScript);  // Nothing of the old life is settled by its destructors.
  EXPECT_EQ(a.times_settled + b.times_settled, 0);
  Drain();
  EXPECT_THAT(Transport().resumed(), ElementsAre(running.tell_id));
  EXPECT_THAT(Transport().open_tells(), ElementsAre(running.tell_id));
  Recorder a_again, b_again;
  ASSERT_TRUE(Tell(running, a_again).ok());
  ASSERT_TRUE(Tell(waiting, b_again).ok());
  OnLoop([&] { Transport().Settle(running.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(a_again.Wait().status.ok());
  Drain();
  EXPECT_THAT(Transport().open_tells(), ElementsAre(waiting.tell_id));
  EXPECT_THAT(Transport().resumed(),
              ElementsAre(running.tell_id));  // The team never got the other.
  OnLoop([&] { Transport().Settle(waiting.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(b_again.Wait().status.ok());
}

TEST_F(OrchestratorLivesTest, WhatWasReadIsStoredBeforeItIsAcknowledgedAndTheNextLifeGoesOnThere) {
  Start(HoldScript);
  const TellSpec spec = ToGpu("x");
  Recorder before, after;
  ASSERT_TRUE(Tell(spec, before).ok());
  Drain();
  const ReadMark mark{.journal_id = "journal", .incarnation = "agent", .seq = 7};
  OnLoop([&] {
    Transport().Text(spec.tell_id, "one ");
    Transport().BeReadUpTo(mark);
    EXPECT_EQ(Transport().acknowledged().seq, 0u);
  });
  WaitOnLoop([&] { return Transport().acknowledged() == mark; });
  OnLoop([&] { Transport().Text(spec.tell_id, "and not stored"); });

  Start(HoldScript);
  Drain();
  OnLoop([&] { EXPECT_EQ(Transport().after(), mark); });
  ASSERT_TRUE(Tell(spec, after).ok());
  OnLoop([&] {
    Transport().Text(spec.tell_id, "two");
    Transport().Settle(spec.tell_id, absl::OkStatus());
  });
  EXPECT_EQ(*after.Wait().answer, "one two");
}

TEST_F(OrchestratorLivesTest, ATurnToldAnewReplacesWhatWasStoredOfIt) {
  Start(HoldScript);
  const TellSpec spec = ToGpu("x");
  Recorder before, after;
  ASSERT_TRUE(Tell(spec, before).ok());
  Drain();
  ReadMark mark{.journal_id = "journal", .seq = 1};
  OnLoop([&] {
    Transport().Text(spec.tell_id, "half");
    Transport().BeReadUpTo(mark);
  });
  WaitOnLoop([&] { return Transport().acknowledged() == mark; });
  OnLoop([&] {
    Transport().TextVoid(spec.tell_id);
    Transport().Text(spec.tell_id, "whole");
    Transport().BeReadUpTo(mark = {.journal_id = "journal", .seq = 2});
  });
  WaitOnLoop([&] { return Transport().acknowledged() == mark; });

  Start(HoldScript);
  ASSERT_TRUE(Tell(spec, after).ok());
  Drain();
  OnLoop([&] { Transport().Settle(spec.tell_id, absl::OkStatus()); });
  EXPECT_EQ(*after.Wait().answer, "whole");
}

TEST_F(OrchestratorLivesTest, AnAnswerThatWasTooLongIsInTheNextLifeToo) {
  const TellLimits limits = {.answer_bytes_max = 6};
  Start(HoldScript, limits);
  const TellSpec spec = ToGpu("x");
  Recorder before, after;
  ASSERT_TRUE(Tell(spec, before).ok());
  Drain();
  const ReadMark mark{.journal_id = "journal", .seq = 1};
  OnLoop([&] {
    Transport().Text(spec.tell_id, "longer than that");
    Transport().BeReadUpTo(mark);
  });
  WaitOnLoop([&] { return Transport().acknowledged() == mark; });

  Start(HoldScript, limits);
  ASSERT_TRUE(Tell(spec, after).ok());
  Drain();
  OnLoop([&] { Transport().Settle(spec.tell_id, absl::OkStatus()); });
  EXPECT_EQ(KindOf(after.Wait().status), v1::FAILURE_STORAGE);
  EXPECT_EQ(*after.outcome.answer, "longer");
}

// As where the store could not say that it had stored the message.
TEST_F(OrchestratorLivesTest, WhatIsOpenInTheStoreOnlyIsTakenUpByWhoAsksForIt) {
  Start(HoldScript);
  const TellSpec queued = ToGpu("x"), running = ToGpu("y");
  OnLoop([&] {
    const std::string session_id = store_->GetOrCreateSession("cli", "gpu")->session_id;
    ASSERT_TRUE(store_->AddTell(queued.tell_id, session_id, "x").ok());
    ASSERT_TRUE(store_->AddTell(running.tell_id, session_id, "y", TellState::kRunning).ok());
  });
  Recorder a, b;
  ASSERT_TRUE(Tell(queued, a).ok());
  ASSERT_TRUE(Tell(running, b).ok());
  Drain();
  EXPECT_THAT(Transport().resumed(), IsEmpty());
  OnLoop([&] { Transport().Settle(queued.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(a.Wait().status.ok());
  Drain();
  EXPECT_THAT(Transport().resumed(), ElementsAre(running.tell_id));  // The team may have it.
  OnLoop([&] { Transport().Settle(running.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(b.Wait().status.ok());
}

TEST_F(OrchestratorLivesTest, AnOpenTellWhoseTeamIsNotConfiguredAnyMoreSaysSo) {
  Start(HoldScript);
  const TellSpec spec = ToGpu("x");
  Recorder before, after;
  ASSERT_TRUE(Tell(spec, before).ok());
  Drain();
  file_.teams.pop_back();
  Start(HoldScript);
  ASSERT_TRUE(Tell(spec, after).ok());
  EXPECT_EQ(KindOf(after.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(after.outcome.status).detail(), HasSubstr("gpu"));
  EXPECT_THAT(ToProto(after.outcome.status).fix(), HasSubstr("Look at what the team did"));
}

TEST_F(OrchestratorLivesTest, ThatAHostAnsweredIsKnownInTheNextLifeByTheWayToIt) {
  file_.teams[1].remote =
      RemoteCommand{.text = "ssh gpu1", .program = "ssh", .destination = "gpu1"};
  const auto knows = [this] {
    Start(EchoScript);
    OnLoop([this] { factory_->hosts().hold_starts = true; });
    Recorder recorder;
    EXPECT_TRUE(Tell(ToGpu("x"), recorder).ok());
    Drain();
    bool known = false;
    OnLoop([&] {
      known = Transport().HostHasAnswered();
      Transport().FinishStart();
      EXPECT_TRUE(Transport().HostHasAnswered());
    });
    recorder.Wait();
    return known;
  };
  EXPECT_FALSE(knows());
  EXPECT_TRUE(knows());
  file_.teams[1].remote->text = "ssh gpu2";
  EXPECT_FALSE(knows());
}

TEST_F(OrchestratorLivesTest, ALeavingCoordinatorLeavesOpenTellsToTheNext) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running");
  Recorder a, b, again;
  ASSERT_TRUE(Tell(running, a).ok());
  ASSERT_TRUE(Tell(ToGpu("waiting"), b).ok());
  Drain();
  OnLoop([&] {
    Transport().Text(running.tell_id, "so far");
    Transport().BeReadUpTo({.journal_id = "journal", .seq = 1});
    orchestrator_->Leave();
    EXPECT_TRUE(orchestrator_->idle());
  });
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_EQ(*a.outcome.answer, "so far");
  EXPECT_THAT(ToProto(b.Wait().status).detail(), HasSubstr("waits for the team"));
  EXPECT_EQ(KindOf(Tell(ToGpu("late"), b)), v1::FAILURE_DROPPED);

  Start(HoldScript);
  ASSERT_TRUE(Tell(running, again).ok());
  OnLoop([&] { Transport().Settle(running.tell_id, absl::OkStatus()); });
  EXPECT_EQ(*again.Wait().answer, "so far");
  EXPECT_EQ(a.times_settled, 1);
}

TEST_F(OrchestratorLivesTest, WhereTheHostsStopTooEverythingIsCancelledForGood) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  ASSERT_TRUE(Tell(ToGpu("waiting"), b).ok());
  Drain();
  StoreThatItIsOn("place");
  OnLoop([&] {
    Transport().Text(running.tell_id, "so far");
    EXPECT_TRUE(orchestrator_->SettleOpen().ok());
    ASSERT_TRUE(store_->ForgetPlaced("place").ok());  // The agent there has ended.
  });
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_EQ(*a.outcome.answer, "so far");
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_CANCELLED);

  Start(HoldScript);
  Drain();
  EXPECT_EQ(factory_->made(), 0);
}

TEST_F(OrchestratorLivesTest, AHostThatThisDidNotReachHearsThatItsMessageIsCancelledAndOnce) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  ASSERT_TRUE(Tell(ToGpu("waiting"), b).ok());
  Drain();
  StoreThatItIsOn("place");
  OnLoop([&] { EXPECT_TRUE(orchestrator_->SettleOpen().ok()); });
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_CANCELLED);

  Start(HoldScript);
  OnLoop([&] {
    EXPECT_THAT(Transport().cancel_hosts(), ElementsAre("place"));
    EXPECT_THAT(Transport().HearCancels(), ElementsAre(running.tell_id));
  });
  Start(HoldScript);
  OnLoop([&] { EXPECT_EQ(factory_->made(), 0); });
}

TEST_F(OrchestratorLivesTest, AConfigurationThatBrokeIsReportedAndNothingIsStored) {
  config_status_ =
      MakeFailure(v1::FAILURE_BAD_REQUEST, "config.json:3: trailing comma", "Remove it.");
  Recorder recorder;
  const Failure failure = ToProto(Tell(ToGpu("x"), recorder));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(failure.detail(), "config.json:3: trailing comma");
  OnLoop([&] { EXPECT_THAT(*StatusOf(*orchestrator_), IsEmpty()); });
}

TEST_F(OrchestratorLivesTest, WhatIsSentAfterTheSettingsChangedRunsWithTheNewOnes) {
  Start(HoldScript);
  const TellSpec first = ToGpu("1"), second = ToGpu("2");
  Recorder a, b;
  ASSERT_TRUE(Tell(first, a).ok());
  Drain();
  ChangePathOfGpu("/new");
  ASSERT_TRUE(Tell(second, b).ok());
  Drain();
  EXPECT_EQ(factory_->made(), 1);  // The one under way is left alone.
  EXPECT_EQ(Transport().team().path, "/g");
  OnLoop([&] { Transport().Settle(first.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(a.Wait().status.ok());
  WaitOnLoop(
      [&] { return Transport().team().path == "/new" && !Transport().open_tells().empty(); });
  OnLoop([&] {
    EXPECT_EQ(factory_->made(), 2);
    EXPECT_EQ(factory_->hosts().most_running, 1);  // The child with the old ones has ended first.
    EXPECT_THAT(Transport().open_tells(), ElementsAre(second.tell_id));
    Transport().Settle(second.tell_id, absl::OkStatus());
  });
  EXPECT_TRUE(b.Wait().status.ok());
  EXPECT_EQ(b.session_id, a.session_id);
}

TEST_F(OrchestratorLivesTest, WhatIsOutOfReachGoesOnByTheWayThatWasMended) {
  Start(HoldScript);
  const TellSpec first = ToGpu("1"), second = ToGpu("2");
  Recorder a, b;
  ASSERT_TRUE(Tell(first, a).ok());
  Drain();
  OnLoop([&] { Transport().LoseReach(); });
  ChangePathOfGpu("/new");
  ASSERT_TRUE(Tell(second, b).ok());
  Drain();
  OnLoop([&] {
    EXPECT_EQ(factory_->made(), 2);
    EXPECT_EQ(Transport().team().path, "/new");
    EXPECT_THAT(Transport().resumed(), ElementsAre(first.tell_id));
    Transport().Settle(first.tell_id, absl::OkStatus());
  });
  EXPECT_TRUE(a.Wait().status.ok());
  WaitOnLoop([&] { return Transport().open_tells() == std::deque{second.tell_id}; });
}

TEST_F(OrchestratorLivesTest, WhatWasAcceptedKeepsItsSettingsWhereThereAreNoNewOnes) {
  Start(HoldScript);
  const TellSpec first = ToGpu("1"), second = ToGpu("2"), third = ToGpu("3");
  Recorder a, b, c;
  for (const auto& [spec, recorder] :
       {std::pair(first, &a), std::pair(second, &b), std::pair(third, &c)}) {
    ASSERT_TRUE(Tell(spec, *recorder).ok());
    Drain();
  }
  file_.teams.pop_back();  // The team is gone.
  SaveConfig();
  OnLoop([&] { Transport().Settle(first.tell_id, absl::OkStatus()); });
  a.Wait();
  WaitOnLoop([&] { return Transport().open_tells() == std::deque{second.tell_id}; });
  config_status_ = MakeFailure(v1::FAILURE_BAD_REQUEST, "config.json:3: trailing comma");
  SaveConfig();
  OnLoop([&] { Transport().Settle(second.tell_id, absl::OkStatus()); });
  b.Wait();
  WaitOnLoop([&] { return Transport().open_tells() == std::deque{third.tell_id}; });
  OnLoop([&] { Transport().Settle(third.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(c.Wait().status.ok());
  EXPECT_EQ(factory_->made(), 1);
}

TEST_F(OrchestratorLivesTest, LostContactIsNotDeath) {
  Recorder a, b;
  ASSERT_TRUE(Tell(ToGpu("x"), a).ok());
  a.Wait();
  Drain();
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::READY);
  const int64_t pid = OnlySession().child_pid();
  EXPECT_NE(pid, 0);

  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_DROPPED, "ssh ended")); });
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::UNVERIFIABLE);
  EXPECT_EQ(OnlySession().child_pid(), pid);

  ASSERT_TRUE(Tell(ToGpu("y"), b).ok());
  b.Wait();
  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "exit 0")); });
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::STOPPED);
  EXPECT_EQ(OnlySession().child_pid(), 0);
}

}  // namespace
}  // namespace iris
