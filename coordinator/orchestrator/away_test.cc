// Messages to a host that is out of reach.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// gpu is on a host, where no child starts before the test says so.
class AwayTest : public OrchestratorTest {
 protected:
  AwayTest() {
    file_.teams[1].remote =
        RemoteCommand{.text = "ssh gpu1", .program = "ssh", .destination = "gpu1"};
    store_options_.now = [this] { return now_; };
    hold_starts_ = true;
    Begin();
  }
  ~AwayTest() override {
    OnLoop([this] {
      orchestrator_.reset();
      store_.reset();
    });
  }
  void Begin() { Start(HoldScript); }
  static TellSpec Left(const std::string& text = "x") {
    TellSpec spec = ToGpu(text);
    spec.wait_for_host = true;
    return spec;
  }
  static SharedEnvironment Keys() {
    return std::make_shared<const Environment>(Environment{{"SSH_AUTH_SOCK", "/a"}});
  }
  static TellSpec WithKeys(TellSpec spec) {
    spec.environment = Keys();
    return spec;
  }
  void Send(const TellSpec& spec, Recorder& recorder) {
    ASSERT_TRUE(Tell(spec, recorder).ok());
    Drain();
  }
  static HostAway Away() {
    return {.why = MakeFailure(v1::FAILURE_UNREACHABLE, "no route"), .retries = true};
  }
  static HostAway Refused() { return {.why = MakeFailure(v1::FAILURE_AUTH, "no key")}; }
  // An attempt to reach the host of gpu fails.
  void FailAttempt(const HostAway& away = Away()) {
    OnLoop([&] { Transport().BeAway(away); });
    Drain();
  }
  void ComeBack() {
    OnLoop([this] { Transport().BeBack(); });
    Drain();
  }
  void AnswerAtLast(const std::string& tell_id) {
    ComeBack();
    OnLoop([&] {
      Transport().FinishStart();
      Transport().Settle(tell_id, absl::OkStatus());
    });
  }
  void Cancel(const TellSpec& spec) {
    orchestrator_->Cancel(spec.tell_id, Caller::CommandLine(),
                          [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
  }
  TellState Stored(const std::string& tell_id) {
    TellState state = TellState::kSettled;
    OnLoop([&] { state = (*store_->FindTell(tell_id))->state; });
    return state;
  }
  bool Awaited() {
    bool awaited = false;
    OnLoop([&] { awaited = Transport().awaits_host(); });
    return awaited;
  }

  absl::Time now_ = absl::Now();  // Only on the loop, once that runs.
};

TEST_F(AwayTest, WhatIsLeftForTheHostWaitsAndSaysWhyAndWhatIsNotFailsAtOnce) {
  Recorder left, asked;
  const TellSpec spec = Left();
  Send(spec, left);
  FailAttempt();
  FailAttempt();
  EXPECT_EQ(left.times_settled, 0);
  EXPECT_THAT(left.texts, Contains(HasSubstr("no route")));
  OnLoop([this] {
    const v1::TellSummary listed = ListOf(*orchestrator_, "cli", /*all=*/false)->tells(0);
    EXPECT_EQ(listed.state(), v1::TellSummary::QUEUED);
    EXPECT_THAT(listed.progress().text(), HasSubstr("no route"));
    EXPECT_THAT(StatusOf(*orchestrator_)->at(0).stall(), HasSubstr("no route"));
  });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(left.Wait().status.ok());

  Begin();
  Send(ToGpu("y"), asked);
  FailAttempt();
  EXPECT_EQ(KindOf(asked.Wait().status), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(ToProto(asked.outcome.status).fix(), HasSubstr("--when-away wait"));
}

TEST_F(AwayTest, ItIsStoredAsQueuedUntilTheMomentInWhichItIsGiven) {
  Recorder left;
  const TellSpec spec = Left();
  Send(spec, left);
  EXPECT_EQ(Stored(spec.tell_id), TellState::kQueued) << "its host is being connected to";
  FailAttempt();
  EXPECT_EQ(Stored(spec.tell_id), TellState::kQueued);
  ComeBack();
  EXPECT_EQ(Stored(spec.tell_id), TellState::kQueued);
  OnLoop([this] { Transport().FinishStart(); });
  EXPECT_EQ(Stored(spec.tell_id), TellState::kRunning);
}

TEST_F(AwayTest, AMessageToAWarmSessionWhoseHostGoesWaitsAsOneThatNobodyGot) {
  Recorder left;
  OnLoop([this] {
    orchestrator_->Wake("cli", "gpu", [](const absl::StatusOr<v1::WakeResponse>&) {});
  });
  Drain();
  const TellSpec spec = Left();
  OnLoop([&] {
    Transport().FinishStart();
    ASSERT_TRUE(orchestrator_->Tell(spec, &left).ok());
    EXPECT_EQ((*store_->FindTell(spec.tell_id))->state, TellState::kRunning);
    Transport().GoDown(MakeFailure(v1::FAILURE_DROPPED, "ssh ended"));
  });
  Drain();
  FailAttempt();
  EXPECT_EQ(Stored(spec.tell_id), TellState::kQueued);
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(left.Wait().status.ok());
}

TEST_F(AwayTest, WhoDoesNotWaitForTheHostDoesNotWaitBehindWhatDoes) {
  Recorder first, asked, last;
  const TellSpec spec = Left();
  Send(spec, first);
  Send(ToGpu("is anybody there?"), asked);
  Send(Left("last"), last);
  FailAttempt();
  EXPECT_EQ(KindOf(asked.Wait().status), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(first.times_settled, 0);
  EXPECT_EQ(last.times_settled, 0);
  EXPECT_EQ(last.texts.back(), "waiting behind 1 message");
}

TEST_F(AwayTest, NorBehindWhatTheHostHasWhichGoesOnThere) {
  Recorder given, asked, left;
  const TellSpec first = Left(), last = Left();
  Send(first, given);
  OnLoop([this] { Transport().FinishStart(); });
  Send(ToGpu("is anybody there?"), asked);
  Send(last, left);
  FailAttempt();
  EXPECT_EQ(KindOf(asked.Wait().status), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(Stored(first.tell_id), TellState::kRunning);
  OnLoop([&] {
    EXPECT_THAT(Transport().open_tells(), ElementsAre(first.tell_id));
    EXPECT_FALSE(Transport().awaits_host());
    Transport().Settle(first.tell_id, absl::OkStatus());
  });
  EXPECT_TRUE(given.Wait().status.ok());
  EXPECT_EQ(left.times_settled, 0);
}

TEST_F(AwayTest, ForAHostThatAnsweredEverybodyWaitsWithoutAProcess) {
  file_.settings.max_processes = 1;
  Begin();
  HostAway away = Away();
  away.host_is_known = true;
  Recorder asked, other;
  const TellSpec spec = ToGpu("x");
  Send(spec, asked);
  FailAttempt(away);
  EXPECT_EQ(asked.times_settled, 0);
  EXPECT_EQ(Stored(spec.tell_id), TellState::kQueued);
  TellSpec to_other = ToGpu("y");
  to_other.to = "backend";
  Send(to_other, other);
  OnLoop([&] {
    EXPECT_THAT(factory_->Between("cli", "backend").open_tells(), ElementsAre(to_other.tell_id));
  });
}

TEST_F(AwayTest, ItWaitsAsLongAsAnswersAreKeptAndIsNotToldToWaitThen) {
  Recorder left;
  Send(Left(), left);
  OnLoop([this] { now_ += absl::Hours(7 * 24) - absl::Seconds(1); });
  FailAttempt();
  EXPECT_EQ(left.times_settled, 0);
  OnLoop([this] { now_ += absl::Seconds(1); });
  FailAttempt();
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(ToProto(left.outcome.status).detail(),
              AllOf(HasSubstr("7 days that the message waited"), HasSubstr("no route")));
  EXPECT_THAT(ToProto(left.outcome.status).fix(), Not(HasSubstr("when-away")));
  EXPECT_FALSE(Awaited());
}

TEST_F(AwayTest, TheNextCoordinatorWaitsOnWithOneThatNobodyGot) {
  Recorder before, after;
  const TellSpec spec = Left();
  Send(spec, before);
  FailAttempt();
  Begin();
  Send(spec, after);
  FailAttempt();
  EXPECT_EQ(after.times_settled, 0);
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(after.Wait().status.ok());
  OnLoop([this] { EXPECT_THAT(Transport().resumed(), IsEmpty()); });
}

TEST_F(AwayTest, NorDoesItMatterThatTheFirstAttemptWasUnderWay) {
  Recorder before, after;
  const TellSpec spec = Left();
  Send(spec, before);
  Begin();
  Send(spec, after);
  OnLoop([&] {
    EXPECT_THAT(Transport().open_tells(), ElementsAre(spec.tell_id));
    EXPECT_THAT(Transport().resumed(), IsEmpty());
  });
}

TEST_F(AwayTest, AnotherTeamHasItsProcessMeanwhileAndTheLimitHoldsWhenTheHostIsBack) {
  file_.settings.max_processes = 1;
  Begin();
  Recorder left, other;
  const TellSpec spec = Left();
  Send(spec, left);
  TellSpec to_other = ToGpu("x");
  to_other.to = "backend";
  Send(to_other, other);
  OnLoop([this] { EXPECT_THAT(factory_->Between("cli", "backend").open_tells(), IsEmpty()); });
  FailAttempt();
  OnLoop([&] {
    EXPECT_THAT(factory_->Between("cli", "backend").open_tells(), ElementsAre(to_other.tell_id));
    factory_->Between("cli", "backend").FinishStart();
  });
  ComeBack();
  OnLoop([this] { EXPECT_THAT(Transport().open_tells(), IsEmpty()); });
  EXPECT_THAT(left.texts.back(), HasSubstr("waiting for a free process (1 of 1 busy)"));
  OnLoop([&] { factory_->Between("cli", "backend").Settle(to_other.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(other.Wait().status.ok());
  Drain();
  Drain();
  OnLoop([&] {
    EXPECT_THAT(Transport().open_tells(), ElementsAre(spec.tell_id));
    Transport().FinishStart();
    EXPECT_EQ(factory_->hosts().most_running, 1);
  });
}

TEST_F(AwayTest, OfManyCallersOnlyAsManyGoOnAtOnceAsThereAreProcesses) {
  file_.settings.max_processes = 1;
  Begin();
  Recorder of_cli, of_backend;
  const TellSpec first = Left();
  TellSpec second = Left();
  second.from = "backend";
  Send(first, of_cli);
  FailAttempt();
  Send(second, of_backend);
  OnLoop([this] { factory_->Between("backend", "gpu").BeAway(Away()); });
  Drain();
  OnLoop([this] {
    Transport().BeBack();
    factory_->Between("backend", "gpu").BeBack();
  });
  Drain();
  OnLoop([&] {
    EXPECT_THAT(Transport().open_tells(), ElementsAre(first.tell_id));
    EXPECT_THAT(factory_->Between("backend", "gpu").open_tells(), IsEmpty());
  });
}

TEST_F(AwayTest, WhereTheNameOfTheHostIsCorrectedItGoesThere) {
  Recorder left;
  const TellSpec spec = Left();
  Send(spec, left);
  FailAttempt();
  file_.teams[1].remote->destination = file_.teams[1].remote->text = "gpu2";
  SaveConfig();
  FailAttempt();
  OnLoop([&] {
    EXPECT_EQ(Transport().team().remote->destination, "gpu2");
    EXPECT_TRUE(Transport().awaits_host());
  });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(left.Wait().status.ok());
  OnLoop([this] { EXPECT_THAT(Transport().resumed(), IsEmpty()); });  // No host had got it.
}

TEST_F(AwayTest, WhereTheTeamIsNotConfiguredAnyMoreItEnds) {
  Recorder left;
  Send(Left(), left);
  FailAttempt();
  file_.teams.pop_back();
  SaveConfig();
  FailAttempt();
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(left.outcome.status).detail(), HasSubstr("gpu"));
  EXPECT_EQ(ToProto(left.outcome.status).fix(), "Send it again.");
  EXPECT_FALSE(Awaited());
}

TEST_F(AwayTest, ItCanBeCancelled) {
  Recorder left;
  const TellSpec spec = Left();
  Send(spec, left);
  FailAttempt();
  OnLoop([&] { Cancel(spec); });
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_FALSE(Awaited());
}

TEST_F(AwayTest, AlsoInTheMomentInWhichItIsTakenBack) {
  Recorder left;
  const TellSpec spec = Left();
  Send(spec, left);
  OnLoop([&] {
    Transport().BeAway(Away());
    Cancel(spec);
  });
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_CANCELLED);
}

TEST_F(AwayTest, WhoeverStopsTheCoordinatorHearsThatTheTeamNeverGotIt) {
  Recorder left, for_good;
  const TellSpec spec = Left();
  Send(spec, left);
  FailAttempt();
  OnLoop([this] { orchestrator_->Leave(); });
  EXPECT_THAT(ToProto(left.Wait().status).detail(), HasSubstr("waits for the team"));
  Begin();
  Send(spec, for_good);
  OnLoop([this] { EXPECT_TRUE(orchestrator_->SettleOpen().ok()); });
  EXPECT_THAT(ToProto(for_good.Wait().status).detail(), HasSubstr("the team never got it"));
}

TEST_F(AwayTest, WhatAnEarlierLifeTookWaitsForSomebodyWithKeysAndEndsWhereItsSenderHasNone) {
  Recorder before, after, again;
  TellSpec spec = ToGpu("x");
  Send(spec, before);
  Begin();
  Send(spec, after);
  FailAttempt(Refused());
  EXPECT_EQ(after.times_settled, 0);
  EXPECT_THAT(after.texts.back(), AllOf(HasSubstr("waits for somebody"), HasSubstr("no key")));
  const SharedEnvironment keys = Keys();
  OnLoop([&] {
    EXPECT_TRUE(orchestrator_->LacksAsker(spec.tell_id));
    orchestrator_->AskFor(spec.tell_id, keys);
    EXPECT_FALSE(orchestrator_->LacksAsker(spec.tell_id));
    EXPECT_EQ(Transport().team().asker.environment, keys);
  });
  OnLoop([this] { EXPECT_EQ(Transport().asked(), 1); });
  FailAttempt(Refused());
  EXPECT_EQ(after.times_settled, 0) << "who looks at it need not have the keys";
  OnLoop([&] { EXPECT_TRUE(orchestrator_->LacksAsker(spec.tell_id)); });
  spec.environment = keys;
  Send(spec, again);
  FailAttempt(Refused());
  EXPECT_EQ(KindOf(after.Wait().status), v1::FAILURE_AUTH);
}

// Whoever waits for it asks once.
TEST_F(AwayTest, WhoAsksWhileAnotherOnesLoginIsUnderWayIsNext) {
  Recorder before, after;
  const TellSpec spec = ToGpu("x");
  Send(spec, before);
  Begin();
  Send(spec, after);
  FailAttempt(Refused());
  const auto without = std::make_shared<const Environment>(Environment{{"SSH_AUTH_SOCK", "/b"}});
  const SharedEnvironment keys = Keys();
  OnLoop([&] {
    orchestrator_->AskFor(spec.tell_id, without);
    EXPECT_TRUE(orchestrator_->HasLentAsker(spec.tell_id));
    orchestrator_->AskFor(spec.tell_id, keys);
    orchestrator_->AskFor(spec.tell_id, keys);
    EXPECT_EQ(Transport().team().asker.environment, without) << "its login goes on";
  });
  FailAttempt(Refused());
  OnLoop([&] {
    EXPECT_EQ(Transport().team().asker.environment, keys);
    EXPECT_EQ(Transport().asked(), 2);
  });
  FailAttempt(Refused());
  OnLoop([&] {
    EXPECT_EQ(Transport().asked(), 2) << "each has one login";
    EXPECT_TRUE(orchestrator_->LacksAsker(spec.tell_id));
    orchestrator_->AskFor(spec.tell_id, keys);
  });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(after.Wait().status.ok());
}

// Its network comes before its disks: so soon a login is refused.
TEST_F(AwayTest, AHostThatComesBackByHalvesIsTriedAgainForWhatHasWaitedForIt) {
  Recorder left, asked;
  const TellSpec spec = WithKeys(Left()), other = WithKeys(ToGpu("y"));
  Send(spec, left);
  FailAttempt();
  FailAttempt(Refused());
  EXPECT_EQ(left.times_settled, 0);
  EXPECT_THAT(left.texts.back(),
              AllOf(HasSubstr("tried again every few minutes"), HasSubstr("no key")));
  OnLoop([this] { EXPECT_EQ(Transport().asked_later(), 1); });
  Send(other, asked);
  FailAttempt(Refused());
  EXPECT_EQ(KindOf(asked.Wait().status), v1::FAILURE_AUTH);
  OnLoop([this] { EXPECT_EQ(Transport().asked_later(), 2); });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(left.Wait().status.ok());
}

TEST_F(AwayTest, AHostThatRefusesTheFirstLoginDoesNot) {
  Recorder left;
  Send(WithKeys(Left()), left);
  FailAttempt(Refused());
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_AUTH);
}

TEST_F(AwayTest, WhoAsksTooSoonForAnotherLoginIsNotTakenForSomebodyWithoutKeys) {
  Recorder before, after;
  const TellSpec spec = ToGpu("x");
  Send(spec, before);
  Begin();
  Send(spec, after);
  FailAttempt(Refused());
  HostAway barred = Refused();
  barred.login_in = absl::Seconds(1);
  const SharedEnvironment keys = Keys();
  OnLoop([&] { orchestrator_->AskFor(spec.tell_id, keys); });
  FailAttempt(barred);
  EXPECT_EQ(after.times_settled, 0);
  EXPECT_THAT(after.texts.back(), HasSubstr("comes by itself"));
  OnLoop([&] {
    EXPECT_EQ(Transport().team().asker.environment, keys);
    EXPECT_TRUE(orchestrator_->LacksAsker(spec.tell_id)) << "the next one may have more";
  });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(after.Wait().status.ok());
}

TEST_F(AwayTest, WhatWaitsForKeysEndsAfterAsLongThoughNothingIsTried) {
  const TellLimits limits = {.housekeeping = absl::Milliseconds(10)};
  Recorder before, after;
  const TellSpec spec = ToGpu("x");
  Send(spec, before);
  Start(HoldScript, limits);
  Send(spec, after);
  FailAttempt(Refused());
  EXPECT_EQ(after.times_settled, 0);
  OnLoop([this] { now_ += absl::Hours(7 * 24); });
  EXPECT_EQ(KindOf(after.Wait().status), v1::FAILURE_AUTH);
  EXPECT_THAT(ToProto(after.outcome.status).detail(),
              AllOf(HasSubstr("nobody with the keys"), HasSubstr("7 days")));
  EXPECT_FALSE(Awaited());
}

TEST_F(AwayTest, OnThisMachineNobodyIsAway) {
  Recorder left;
  TellSpec spec = Left();
  spec.to = "backend";
  Send(spec, left);
  OnLoop([this] {
    factory_->Between("cli", "backend")
        .BeAway({.why = MakeFailure(v1::FAILURE_TIMEOUT, "no agent"),
                 .is_remote = false,
                 .retries = true});
  });
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_TIMEOUT);
}

}  // namespace
}  // namespace iris
