// Whose environment a message has.

#include <memory>
#include <string>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/asker_fixture.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(AskerTest, EachMessageHasItsOwnAndTheChildStays) {
  const TellSpec first = From("ann"), second = From("bob"), third = From("ann");
  Recorder a, b, c;
  ASSERT_TRUE(Tell(first, a).ok());
  AwaitUnderWay(first.tell_id);
  ASSERT_TRUE(Tell(second, b).ok());
  ASSERT_TRUE(Tell(third, c).ok());
  Drain();
  EXPECT_EQ(Who(), "ann") << "the one under way keeps its own";
  Settle(first.tell_id);
  AwaitUnderWay(second.tell_id);
  EXPECT_EQ(Who(), "bob");
  Settle(second.tell_id);
  AwaitUnderWay(third.tell_id);
  EXPECT_EQ(Who(), "ann");
  Settle(third.tell_id);
  EXPECT_TRUE(c.Wait().status.ok());
  OnLoop([&] {
    EXPECT_EQ(factory_->made(), 1);
    EXPECT_EQ(Transport().terminated(), 0);
  });
}

TEST_F(AskerTest, AnotherDirectoryIsAnotherChild) {
  path_is_of_asker_ = true;
  const TellSpec first = From("ann"), second = From("bob");
  Recorder a, b;
  ASSERT_TRUE(Tell(first, a).ok());
  AwaitUnderWay(first.tell_id);
  ASSERT_TRUE(Tell(second, b).ok());
  Settle(first.tell_id);
  AwaitUnderWay(second.tell_id);
  OnLoop([&] {
    EXPECT_EQ(factory_->made(), 2);
    EXPECT_EQ(Transport().team().path, "/bob");
  });
  Settle(second.tell_id);
  EXPECT_TRUE(b.Wait().status.ok());
}

TEST_F(AskerTest, WhatIsBlockedGoesOnAsItsOwnAskerHasItAndNotAsTheNext) {
  path_is_of_asker_ = true;
  const TellSpec first = From("ann"), second = From("bob"), third = From("bob");
  Recorder a, b, c;
  ASSERT_TRUE(Tell(first, a).ok());
  AwaitUnderWay(first.tell_id);
  OnLoop([this] { Transport().LoseReach(); });
  ASSERT_TRUE(Tell(second, b).ok());
  Drain();
  OnLoop([this] {
    EXPECT_EQ(factory_->made(), 1) << "nobody has mended anything";
    EXPECT_EQ(Transport().team().path, "/ann");
  });
  file_.teams[1].description = "mended";
  SaveConfig();
  ASSERT_TRUE(Tell(third, c).ok());
  Drain();
  OnLoop([&] {
    EXPECT_EQ(factory_->made(), 2);
    EXPECT_EQ(Transport().team().path, "/ann");
    EXPECT_EQ(Transport().team().description, "mended");
    EXPECT_THAT(Transport().resumed(), ElementsAre(first.tell_id));
  });
  EXPECT_EQ(Who(), "ann");
  Settle(first.tell_id);
  AwaitUnderWay(second.tell_id);
  EXPECT_EQ(Who(), "bob");
  Settle(second.tell_id);
  Settle(third.tell_id);
  EXPECT_TRUE(c.Wait().status.ok());
}

TEST_F(AskerTest, WhatIsCancelledInTheMomentInWhichTheWayIsMendedIsCancelledAllTheSame) {
  const TellSpec first = From("ann"), second = From("ann");
  Recorder a, b;
  ASSERT_TRUE(Tell(first, a).ok());
  AwaitUnderWay(first.tell_id);
  ChangePathOfGpu("/new");
  OnLoop([&] {
    Transport().LoseReach();
    orchestrator_->Cancel(first.tell_id, "cli",
                          [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
    ASSERT_TRUE(orchestrator_->Tell(second, &b).ok());
    EXPECT_EQ(Transport().team().path, "/new");
  });
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_CANCELLED);
}

TEST_F(AskerTest, OneWhoseVariableIsMissingIsRefusedAndNoOtherAnswersForIt) {
  on_load_ = [](const EnvLookup& env, Config& config) {
    config.teams[1].path = env("WHO").has_value() ? "/" + *env("WHO") : "";
    if (config.teams[1].path.empty()) config.teams.clear();
  };
  Recorder a, b;
  ASSERT_TRUE(Tell(From("ann"), a).ok());
  TellSpec without = ToGpu("hello");
  without.environment = std::make_shared<const Environment>();
  EXPECT_EQ(KindOf(Tell(without, b)), v1::FAILURE_BAD_REQUEST);
}

// A front end submits its message again to the next life, which has begun with its own environment.
TEST_F(AskerTest, AMessageThatIsSubmittedAgainBringsItsEnvironment) {
  TellSpec spec = From("ann");
  Recorder a, b;
  ASSERT_TRUE(Tell(spec, a).ok());
  AwaitUnderWay(spec.tell_id);
  OnLoop([this] { orchestrator_->Leave(); });
  Start(HoldScript);
  Drain();
  EXPECT_EQ(Who(), "nobody");
  ASSERT_TRUE(Tell(spec, b).ok());
  EXPECT_EQ(Who(), "ann");
  Settle(spec.tell_id);
  EXPECT_TRUE(b.Wait().status.ok());
}

// As with ${VAR} that only its sender has: a coordinator that is started again does not.
TEST_F(AskerTest, WhereTheConfigurationDoesNotLoadForTheNextLifeItsMessagesWaitForSomebody) {
  const TellSpec given = From("ann"), waiting = From("ann");
  Recorder before, answered, next;
  ASSERT_TRUE(Tell(given, before).ok());
  AwaitUnderWay(given.tell_id);
  ASSERT_TRUE(Tell(waiting, before).ok());
  OnLoop([this] { orchestrator_->Leave(); });
  config_status_ = MakeFailure(v1::FAILURE_BAD_REQUEST, "WHO is not set");
  Start(HoldScript);
  OnLoop([&] {
    const v1::ListTellsResponse list = *ListOf(*orchestrator_, "cli", /*all=*/false);
    for (const v1::TellSummary& tell : list.tells()) {
      EXPECT_NE(tell.state(), v1::TellSummary::SETTLED);
      EXPECT_THAT(tell.progress().text(), HasSubstr("WHO is not set"));
      EXPECT_TRUE(orchestrator_->LacksAsker(tell.tell_id()));
    }
    EXPECT_EQ(factory_->made(), 0);
    ASSERT_TRUE(orchestrator_->Follow(given.tell_id, "cli", &answered).ok());
    ASSERT_TRUE(orchestrator_->Follow(waiting.tell_id, "cli", &next).ok());
    orchestrator_->AskFor(waiting.tell_id, waiting.environment);  // Nor does it load for this one.
  });
  config_status_ = absl::OkStatus();
  OnLoop([&] { orchestrator_->AskFor(waiting.tell_id, waiting.environment); });
  EXPECT_EQ(Who(), "ann");
  Settle(given.tell_id);
  EXPECT_TRUE(answered.Wait().status.ok());
  Settle(waiting.tell_id);
  EXPECT_TRUE(next.Wait().status.ok());
  OnLoop([&] { EXPECT_THAT(Transport().resumed(), ElementsAre(given.tell_id)); });
}

class CancelWithoutAWayTest : public AskerTest {
 protected:
  // What a host has, in a life in which the configuration does not load.
  void CancelWithoutAWay() {
    Recorder before, after;
    ASSERT_TRUE(Tell(given_, before).ok());
    AwaitUnderWay(given_.tell_id);
    OnLoop([this] { orchestrator_->Leave(); });
    config_status_ = MakeFailure(v1::FAILURE_BAD_REQUEST, "WHO is not set");
    Start(HoldScript);
    OnLoop([&] {
      ASSERT_TRUE(orchestrator_->Follow(given_.tell_id, "cli", &after).ok());
      orchestrator_->Cancel(given_.tell_id, "cli",
                            [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
    });
    EXPECT_EQ(KindOf(after.Wait().status), v1::FAILURE_CANCELLED);
  }

  const TellSpec given_ = From("ann");
};

TEST_F(CancelWithoutAWayTest, WhatWaitsSoCanBeCancelledAndItsHostHearsOfIt) {
  CancelWithoutAWay();
  OnLoop([&] { EXPECT_EQ(store_->Cancels()->size(), 1u); });
  config_status_ = absl::OkStatus();
  Start(HoldScript);
  OnLoop([&] { EXPECT_THAT(Transport().HearCancels(), ElementsAre(given_.tell_id)); });
}

TEST_F(CancelWithoutAWayTest, AlsoInTheSameLifeOnceThereIsAWay) {
  CancelWithoutAWay();
  Recorder next;
  config_status_ = absl::OkStatus();
  ASSERT_TRUE(Tell(From("ann"), next).ok());
  OnLoop([&] { EXPECT_THAT(Transport().HearCancels(), ElementsAre(given_.tell_id)); });
}

class PassEnvTest : public AskerTest {
 protected:
  // An earlier life took it, behind one that has ended since.
  PassEnvTest() {
    file_.teams[1].pass_env = {"WHO"};
    Recorder before, other;
    const TellSpec first = From("ann");
    EXPECT_TRUE(Tell(first, other).ok());
    AwaitUnderWay(first.tell_id);
    EXPECT_TRUE(Tell(waiting_, before).ok());
    OnLoop([this] { orchestrator_->Leave(); });
    Start(HoldScript, {.housekeeping = absl::Milliseconds(10)});
    OnLoop([this] { EXPECT_TRUE(orchestrator_->Follow(waiting_.tell_id, "cli", &after_).ok()); });
    Settle(first.tell_id);
    Drain();
    Drain();
  }
  ~PassEnvTest() override {
    OnLoop([this] { orchestrator_.reset(); });  // It knows the recorder.
  }

  const TellSpec waiting_ = From("ann");
  Recorder after_;
};

TEST_F(PassEnvTest, WhatAnEarlierLifeTookWaitsForSomebodyWhoHasTheVariables) {
  OnLoop([this] {
    EXPECT_THAT(Transport().open_tells(), IsEmpty());
    EXPECT_TRUE(orchestrator_->LacksAsker(waiting_.tell_id));
    EXPECT_THAT(StatusOf(*orchestrator_)->at(0).stall(), HasSubstr("passEnv"));
    EXPECT_THAT(after_.texts.back(), HasSubstr("passEnv"));
    orchestrator_->AskFor(waiting_.tell_id, waiting_.environment);
  });
  AwaitUnderWay(waiting_.tell_id);
  EXPECT_EQ(Who(), "ann");
  Settle(waiting_.tell_id);
  EXPECT_TRUE(after_.Wait().status.ok());
}

TEST_F(AskerTest, WhoAsksForAMessageAsksForThoseInFrontOfIt) {
  file_.teams[1].pass_env = {"WHO"};
  const TellSpec first = From("ann"), second = From("ann"), third = From("ann");
  Recorder before, after;
  ASSERT_TRUE(Tell(first, before).ok());
  AwaitUnderWay(first.tell_id);
  ASSERT_TRUE(Tell(second, before).ok());
  ASSERT_TRUE(Tell(third, before).ok());
  OnLoop([this] { orchestrator_->Leave(); });
  Start(HoldScript);
  OnLoop([&] { ASSERT_TRUE(orchestrator_->Follow(third.tell_id, "cli", &after).ok()); });
  Settle(first.tell_id);
  Drain();
  Drain();
  OnLoop([&] {
    EXPECT_THAT(Transport().open_tells(), IsEmpty());
    orchestrator_->AskFor(third.tell_id, third.environment);
  });
  Settle(second.tell_id);
  Settle(third.tell_id);
  EXPECT_TRUE(after.Wait().status.ok());
}

TEST_F(PassEnvTest, NotForLongerThanAnswersAreKept) {
  OnLoop([this] { later_ = absl::Hours(7 * 24); });
  EXPECT_EQ(KindOf(after_.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(after_.outcome.status).detail(), HasSubstr("passEnv"));
}

// The start goes the way of who asked for it, and so would what is sent as soon as it is through.
TEST_F(AskerTest, AMessageWaitsForTheEndOfAStartThatIsSomebodyElses) {
  OnLoop([&] {
    factory_->hosts().hold_starts = true;
    orchestrator_->Wake(
        "cli", "gpu", [](const absl::StatusOr<v1::WakeResponse>&) {}, /*takeover=*/false,
        From("ann").environment);
  });
  Drain();
  const TellSpec spec = From("bob");
  Recorder recorder;
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  EXPECT_EQ(Who(), "ann");
  OnLoop([&] {
    EXPECT_TRUE(Transport().open_tells().empty());
    factory_->hosts().hold_starts = false;
    Transport().FinishStart();
  });
  AwaitUnderWay(spec.tell_id);
  EXPECT_EQ(Who(), "bob");
  Settle(spec.tell_id);
  EXPECT_TRUE(recorder.Wait().status.ok());
}

TEST_F(AskerTest, AWakeHasThatOfWhoAsks) {
  absl::Notification woken;
  OnLoop([&] {
    orchestrator_->Wake(
        "cli", "gpu", [&](const absl::StatusOr<v1::WakeResponse>&) { woken.Notify(); },
        /*takeover=*/false, std::make_shared<const Environment>(Environment{{"WHO", "ann"}}));
  });
  ASSERT_TRUE(woken.WaitForNotificationWithTimeout(absl::Minutes(1)));
  EXPECT_EQ(Who(), "ann");
}

TEST_F(AskerTest, WhatATeamHasSentGoesOnWhereThatTeamIsNotConfiguredAnyMore) {
  TellSpec spec = ToGpu("x");
  spec.from = Caller::Named(file_.teams[0].name);
  Recorder recorder;
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  file_.teams[0].name = "another";
  Start(EchoScript);
  Drain();
  OnLoop([&] {
    const v1::TellSummary summary = *orchestrator_->Find(spec.tell_id, "cli");
    EXPECT_EQ(summary.state(), v1::TellSummary::SETTLED);
    EXPECT_FALSE(summary.has_failure()) << summary.failure().detail();
  });
}

}  // namespace
}  // namespace iris
