#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
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
using ::testing::SizeIs;

// What becomes of a cancel.
class Cancelling {
 public:
  Orchestrator::CancelDone done() {
    return [this](const absl::StatusOr<v1::CancelTellOfResponse>& result) {
      ++times_;
      result_ = result;
      if (times_ == 1) heard_.Notify();
    };
  }
  v1::CancelTellOfResponse Wait() {
    EXPECT_TRUE(heard_.WaitForNotificationWithTimeout(absl::Seconds(20)));
    EXPECT_TRUE(result_.ok()) << result_.status();
    EXPECT_EQ(times_, 1);
    return result_.ok() ? *result_ : v1::CancelTellOfResponse();
  }
  FailureKind Refusal() {
    EXPECT_TRUE(heard_.WaitForNotificationWithTimeout(absl::Seconds(20)));
    return KindOf(result_.status());
  }
  bool heard() const { return times_ > 0; }

 private:
  int times_ = 0;
  absl::StatusOr<v1::CancelTellOfResponse> result_;
  absl::Notification heard_;
};

// The life of a tell beside the one that works on it.
class TellsTest : public OrchestratorTest {
 protected:
  TellsTest() { Start(HoldScript); }

  TellSpec Told(const std::string& text, TellObserver& observer, const Caller& from = "cli") {
    TellSpec spec = ToGpu(text);
    spec.from = from;
    EXPECT_TRUE(Tell(spec, observer).ok());
    Drain();
    return spec;
  }
  void Settle(const TellSpec& spec, const std::string& text = "") {
    OnLoop([&] {
      FakeTransport& transport = factory_->Between(spec.from.name(), "gpu");
      transport.Text(spec.tell_id, text);
      transport.Settle(spec.tell_id, absl::OkStatus());
    });
    Drain();
  }
  void Cancel(const TellSpec& spec, Cancelling& cancelling, const Caller& caller = "cli") {
    OnLoop([&] { orchestrator_->Cancel(spec.tell_id, caller, cancelling.done()); });
  }
  absl::Status Follow(const std::string& id, TellObserver& observer, const Caller& caller = "cli") {
    absl::Status status;
    OnLoop([&] { status = orchestrator_->Follow(id, caller, &observer); });
    return status;
  }
  v1::TellSummary Found(const TellSpec& spec) {
    v1::TellSummary summary;
    OnLoop([&] { summary = *orchestrator_->Find(spec.tell_id, "cli"); });
    return summary;
  }
  std::vector<std::string> Listed(const Caller& from = "", bool all = false) {
    std::vector<std::string> ids;
    OnLoop([&] {
      const v1::ListTellsResponse list = *ListOf(*orchestrator_, from, all);
      for (const v1::TellSummary& tell : list.tells()) ids.push_back(tell.tell_id());
    });
    return ids;
  }
};

TEST_F(TellsTest, WhoFollowsByIdHearsHowItIsAndHowItEnds) {
  Recorder first, later, after;
  const TellSpec spec = Told("x", first);
  OnLoop([&] {
    Transport().Progress({.stage = TransportProgress::Stage::kWorking, .text = "at it"});
  });
  ASSERT_TRUE(Follow(spec.tell_id, later).ok());
  EXPECT_EQ(later.session_id, first.session_id);
  EXPECT_THAT(later.texts, ElementsAre("at it"));
  Settle(spec, "done");
  EXPECT_EQ(*later.Wait().answer, "done");

  ASSERT_TRUE(Follow(spec.tell_id, after).ok());
  EXPECT_EQ(*after.Wait().answer, "done");
}

// Does something in the middle of what it hears.
class Interrupter : public Recorder {
 public:
  void OnProgress(const v1::TellProgress& progress) override {
    Recorder::OnProgress(progress);
    if (on_progress) std::exchange(on_progress, nullptr)();
  }
  std::function<void()> on_progress;
};

TEST_F(TellsTest, WhoHearsOfProgressMaySendMoreAndGo) {
  Recorder first, also, more;
  Interrupter interrupter;
  Told("x", first);
  const TellSpec spec = ToGpu("next");
  // So many that the table of open tells grows.
  interrupter.on_progress = [&] {
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(orchestrator_->Tell(ToGpu("more"), &more).ok());
    orchestrator_->RemoveObserver(spec.tell_id, &interrupter);
  };
  EXPECT_TRUE(Tell(spec, interrupter).ok());
  EXPECT_THAT(interrupter.texts, ElementsAre("waiting behind 1 message"));
  EXPECT_EQ(Found(spec).progress().text(), "waiting behind 1 message");
  // Nor does its going keep others from hearing.
  EXPECT_TRUE(Follow(spec.tell_id, also).ok());
  EXPECT_THAT(also.texts, ElementsAre("waiting behind 1 message"));
}

TEST_F(TellsTest, ATeamSeesOnlyWhatItSentAndThePersonEverything) {
  Recorder recorder;
  Cancelling cancelling;
  const TellSpec spec = Told("x", recorder, "backend");
  EXPECT_EQ(KindOf(Follow(spec.tell_id, recorder, "gpu")), v1::FAILURE_PERMISSION_DENIED);
  Cancel(spec, cancelling, "gpu");
  EXPECT_EQ(cancelling.Refusal(), v1::FAILURE_PERMISSION_DENIED);
  OnLoop([&] {
    EXPECT_EQ(KindOf(orchestrator_->Find(spec.tell_id, "gpu").status()),
              v1::FAILURE_PERMISSION_DENIED);
    EXPECT_TRUE(orchestrator_->Find(spec.tell_id, "backend").ok());
    EXPECT_TRUE(orchestrator_->Find(spec.tell_id, "cli").ok());
  });
  EXPECT_EQ(Found(spec).state(), v1::TellSummary::RUNNING);
}

TEST_F(TellsTest, AnIdThatNobodyUsedIsRefused) {
  Recorder recorder;
  Cancelling cancelling;
  EXPECT_EQ(KindOf(Follow(NewUuid(), recorder)), v1::FAILURE_BAD_REQUEST);
  const absl::Status odd = Follow("\x01\xFF", recorder);
  EXPECT_THAT(ToProto(odd).detail(), HasSubstr("there is no message \"\\001"));
  Cancel(ToGpu("never sent"), cancelling);
  EXPECT_EQ(cancelling.Refusal(), v1::FAILURE_BAD_REQUEST);
}

TEST_F(TellsTest, WhatWaitsIsCancelledAtOnceAndTheNextTakesItsPlace) {
  Recorder a, b, c;
  Cancelling cancelling;
  const TellSpec first = Told("1", a), second = Told("2", b), third = Told("3", c);
  Cancel(second, cancelling);
  EXPECT_EQ(cancelling.Wait().failure().kind(), v1::FAILURE_CANCELLED);
  EXPECT_FALSE(cancelling.Wait().was_settled());
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_THAT(ToProto(b.outcome.status).detail(), HasSubstr("never got it"));
  EXPECT_EQ(c.texts.back(), "waiting behind 1 message");
  EXPECT_TRUE(Found(second).fetched());

  Settle(first);
  EXPECT_TRUE(a.Wait().status.ok());
  OnLoop([&] { EXPECT_THAT(Transport().open_tells(), ElementsAre(third.tell_id)); });
}

TEST_F(TellsTest, WhatWaitsForAProcessIsCancelledAndLeavesTheLine) {
  file_.settings.max_processes = 1;
  SaveConfig();
  Recorder a, b, c;
  Cancelling cancelling;
  const TellSpec busy = Told("1", a), waits = Told("2", b, "backend");
  EXPECT_THAT(b.texts.back(), HasSubstr("waiting for a free process"));
  Cancel(waits, cancelling);
  EXPECT_EQ(cancelling.Wait().failure().kind(), v1::FAILURE_CANCELLED);
  b.Wait();
  OnLoop([&] {
    const std::vector<v1::SessionStatus> sessions = *StatusOf(*orchestrator_);
    for (const v1::SessionStatus& session : sessions)
      EXPECT_NE(session.state(), v1::SessionStatus::WAITING);
  });
  // Room that comes now is not given to it: the session that was busy keeps its child.
  Settle(busy);
  const TellSpec again = Told("3", c);
  OnLoop([&] { EXPECT_EQ(Transport().spawns(), 1); });
}

TEST_F(TellsTest, WhatIsInFlightIsCancelledByTheHostAndItsPartialTextKept) {
  Recorder a, b;
  Cancelling cancelling, second;
  const TellSpec running = Told("1", a), next = Told("2", b);
  OnLoop([&] {
    Transport().Text(running.tell_id, "half");
    orchestrator_->Cancel(running.tell_id, "cli", cancelling.done());
    orchestrator_->Cancel(running.tell_id, "cli", second.done());
    EXPECT_FALSE(cancelling.heard());
  });
  EXPECT_EQ(cancelling.Wait().failure().kind(), v1::FAILURE_CANCELLED);
  EXPECT_EQ(second.Wait().failure().kind(), v1::FAILURE_CANCELLED);
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_EQ(*a.outcome.answer, "half");
  EXPECT_TRUE(Found(running).fetched());
  Drain();
  EXPECT_EQ(Found(next).state(), v1::TellSummary::RUNNING);
  EXPECT_EQ(b.times_settled, 0);
}

TEST_F(TellsTest, WhatEndsByItselfBeforeItIsCancelledStaysAnswered) {
  Recorder recorder, again;
  Cancelling late, too_late;
  const TellSpec spec = Told("1", recorder);
  OnLoop([&] {
    orchestrator_->Cancel(spec.tell_id, "cli", late.done());
    Transport().Settle(spec.tell_id, absl::OkStatus());
  });
  EXPECT_FALSE(late.Wait().has_failure());
  EXPECT_FALSE(late.Wait().was_settled());
  EXPECT_FALSE(Found(spec).fetched());
  Cancel(spec, too_late);
  EXPECT_FALSE(too_late.Wait().has_failure());
  EXPECT_TRUE(too_late.Wait().was_settled());
  EXPECT_TRUE(recorder.Wait().status.ok());
}

TEST_F(TellsTest, AHostThatWasOutOfReachHearsOfACancelInTheNextLifeAndOnce) {
  OnLoop([&] { factory_->hosts().hear_cancels = false; });
  Recorder recorder;
  Cancelling cancelling;
  const TellSpec spec = Told("x", recorder);
  Cancel(spec, cancelling);
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_CANCELLED);
  Drain();

  Start(HoldScript);
  OnLoop([&] { EXPECT_THAT(Transport().HearCancels(), ElementsAre(spec.tell_id)); });
  Start(HoldScript);
  OnLoop([&] { EXPECT_FALSE(factory_->made("cli", "gpu")); });
}

TEST_F(TellsTest, OneWhoseTeamIsNotConfiguredMeanwhileHearsOfItWhenTheTeamIsBack) {
  OnLoop([&] { factory_->hosts().hear_cancels = false; });
  Recorder recorder, next;
  Cancelling cancelling;
  const TellSpec spec = Told("x", recorder);
  Cancel(spec, cancelling);
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_CANCELLED);
  Drain();

  const std::vector<Team> teams = file_.teams;
  file_.teams.pop_back();
  Start(HoldScript);
  OnLoop([&] { EXPECT_FALSE(factory_->made("cli", "gpu")); });
  file_.teams = teams;
  SaveConfig();
  Told("y", next);
  OnLoop([&] {
    EXPECT_THAT(Transport().HearCancels(), ElementsAre(spec.tell_id));
    EXPECT_THAT(*store_->Cancels(), IsEmpty());
  });
}

TEST_F(TellsTest, ACancelThatACoordinatorDiedWithIsAskedForAgainByTheNext) {
  Recorder recorder, later;
  Cancelling cancelling;
  const TellSpec spec = Told("x", recorder);
  OnLoop([&] {
    orchestrator_->Cancel(spec.tell_id, "cli", cancelling.done());
    orchestrator_->Leave();  // Before the host has said anything.
  });
  Start(HoldScript);
  ASSERT_TRUE(Follow(spec.tell_id, later).ok());
  EXPECT_EQ(KindOf(later.Wait().status), v1::FAILURE_CANCELLED);
  Drain();
  OnLoop([&] { EXPECT_THAT(*store_->Cancels(), IsEmpty()); });
}

TEST_F(TellsTest, ALeavingCoordinatorAnswersWhoCancels) {
  Recorder recorder, later;
  Cancelling before, after;
  const TellSpec spec = Told("1", recorder);
  OnLoop([&] {
    orchestrator_->Cancel(spec.tell_id, "cli", before.done());
    orchestrator_->Leave();
  });
  EXPECT_EQ(before.Refusal(), v1::FAILURE_DROPPED);
  Cancel(spec, after);
  EXPECT_EQ(after.Refusal(), v1::FAILURE_DROPPED);
  EXPECT_EQ(KindOf(Follow(spec.tell_id, later)), v1::FAILURE_DROPPED);
}

TEST_F(TellsTest, WhatTheNextLifeTakesUpCanBeFollowedAndCancelled) {
  Recorder before, after;
  Cancelling cancelling;
  const TellSpec running = Told("1", before), queued = Told("2", before);
  Start(HoldScript);
  Drain();
  EXPECT_THAT(Listed(), ElementsAre(running.tell_id, queued.tell_id));
  ASSERT_TRUE(Follow(running.tell_id, after).ok());
  Cancel(running, cancelling);
  EXPECT_EQ(cancelling.Wait().failure().kind(), v1::FAILURE_CANCELLED);
  EXPECT_EQ(KindOf(after.Wait().status), v1::FAILURE_CANCELLED);
  Drain();
  EXPECT_EQ(Found(queued).state(), v1::TellSummary::RUNNING);
}

TEST_F(TellsTest, ListsShowWhatIsOpenAndWhatNobodyHasFetched) {
  Recorder a, b, c, d;
  const TellSpec answered = Told("1", a);
  Settle(answered, "yes");
  const TellSpec other = Told("2", b, "backend"), running = Told("3", c), queued = Told("4", d);
  OnLoop([&] {
    Transport().Text(running.tell_id, "so far");
    Transport().Progress({.stage = TransportProgress::Stage::kWorking, .text = "at it"});
  });
  EXPECT_THAT(Listed(),
              ElementsAre(answered.tell_id, other.tell_id, running.tell_id, queued.tell_id));
  EXPECT_THAT(Listed("backend"), ElementsAre(other.tell_id));
  EXPECT_EQ(Found(answered).state(), v1::TellSummary::SETTLED);
  EXPECT_EQ(Found(answered).answer_bytes(), 3u);
  EXPECT_EQ(Found(answered).answer_preview(), "yes");
  EXPECT_GE(Found(answered).settled_at_ms(), Found(answered).accepted_at_ms());
  EXPECT_EQ(Found(running).state(), v1::TellSummary::RUNNING);
  EXPECT_EQ(Found(running).answer_bytes(), 6u);
  EXPECT_EQ(Found(running).progress().text(), "at it");
  EXPECT_EQ(Found(running).preview(), "3");
  EXPECT_EQ(Found(queued).state(), v1::TellSummary::QUEUED);
  EXPECT_EQ(Found(queued).progress().text(), "waiting behind 1 message");

  OnLoop([&] {
    ASSERT_THAT(*orchestrator_->Unfetched("cli"), SizeIs(1));
    EXPECT_EQ(orchestrator_->Unfetched("cli")->at(0).tell_id, answered.tell_id);
    EXPECT_EQ(orchestrator_->Unfetched("cli")->at(0).to, "gpu");
    orchestrator_->MarkFetched(answered.tell_id);
    EXPECT_THAT(*orchestrator_->Unfetched("cli"), IsEmpty());
  });
  EXPECT_THAT(Listed("cli"), ElementsAre(running.tell_id, queued.tell_id));
  EXPECT_THAT(Listed("cli", /*all=*/true),
              ElementsAre(answered.tell_id, running.tell_id, queued.tell_id));
}

TEST_F(TellsTest, AListIsShortWhateverFailuresSay) {
  Recorder recorder;
  const TellSpec spec = Told("x", recorder);
  OnLoop([&] {
    std::string euros;
    for (int i = 0; i < 1000; ++i) euros += "\xE2\x82\xAC";
    Transport().Settle(spec.tell_id, MakeFailure(v1::FAILURE_CLAUDE_ERROR, euros, euros));
  });
  recorder.Wait();
  OnLoop([&] {
    const v1::ListTellsResponse list = *ListOf(*orchestrator_, "", /*all=*/false);
    EXPECT_GT(list.tells(0).failure().detail().size(), 190u);
    EXPECT_LE(list.tells(0).failure().detail().size(), 210u);
    EXPECT_LE(list.tells(0).failure().fix().size(), 210u);
  });
  EXPECT_GT(Found(spec).failure().fix().size(), 2000u);
}

TEST_F(TellsTest, WhatNobodyFetchesIsDroppedWhileTheCoordinatorRuns) {
  store_options_.unfetched_age_max = absl::ZeroDuration();
  Start(EchoScript, {.housekeeping = absl::Milliseconds(1)});
  Recorder first;
  const TellSpec spec = Told("x", first);
  first.Wait();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  bool dropped = false;
  while (!dropped && absl::Now() < deadline) {
    OnLoop([&] {
      const auto stored = *store_->FindTell(spec.tell_id);
      dropped = !stored.has_value() || stored->dropped;
    });
  }
  EXPECT_TRUE(dropped);
}

TEST_F(TellsTest, ADroppedAnswerIsSaidToBeAndTheMessageIsNotSentAgain) {
  store_options_.settled_tells_max = 1;
  Start(EchoScript);
  Recorder first, newer, again, another;
  TellSpec spec = Told("x", first);
  first.Wait();
  Told("y", newer);
  newer.Wait();
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(KindOf(again.Wait().status), v1::FAILURE_STORAGE);
  EXPECT_EQ(OnlySession().tells_done(), 2u);
  spec.to = "backend";
  EXPECT_EQ(KindOf(Tell(spec, another)), v1::FAILURE_BAD_REQUEST);
}

}  // namespace
}  // namespace iris
