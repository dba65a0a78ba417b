// Messages to a host that never answered.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// gpu is on a host, where no child starts before the test says so.
class AwayTest : public OrchestratorTest {
 protected:
  AwayTest() {
    file_.teams[1].remote =
        RemoteCommand{.text = "ssh gpu1", .program = "ssh", .destination = "gpu1"};
    store_options_.now = [this] { return now_; };
    Begin();
  }
  ~AwayTest() override {
    OnLoop([this] {
      orchestrator_.reset();
      store_.reset();
    });
  }
  void Begin() {
    Start(HoldScript);
    OnLoop([this] { factory_->hosts().hold_starts = true; });
  }
  static TellSpec Left(const std::string& text = "x") {
    TellSpec spec = ToGpu(text);
    spec.wait_for_host = true;
    return spec;
  }
  void Send(const TellSpec& spec, Recorder& recorder) {
    ASSERT_TRUE(Tell(spec, recorder).ok());
    Drain();
  }
  // An attempt to reach the host of gpu fails.
  void FailAttempt() {
    OnLoop([this] { Transport().BeAway(MakeFailure(v1::FAILURE_UNREACHABLE, "no route")); });
    Drain();
  }
  void AnswerAtLast(const std::string& tell_id) {
    OnLoop([&] {
      Transport().BeAway(absl::OkStatus());
      Transport().FinishStart();
      Transport().Settle(tell_id, absl::OkStatus());
    });
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
    const v1::TellSummary listed = orchestrator_->List("cli", /*all=*/false)->tells(0);
    EXPECT_EQ(listed.state(), "queued");
    EXPECT_THAT(listed.progress().text(), HasSubstr("no route"));
  });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(left.Wait().status.ok());

  Begin();
  Send(ToGpu("y"), asked);
  FailAttempt();
  EXPECT_EQ(KindOf(asked.Wait().status), v1::FAILURE_UNREACHABLE);
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

TEST_F(AwayTest, ItWaitsAsLongAsAnswersAreKept) {
  Recorder left;
  Send(Left(), left);
  OnLoop([this] { now_ += absl::Hours(7 * 24) - absl::Seconds(1); });
  FailAttempt();
  EXPECT_EQ(left.times_settled, 0);
  OnLoop([this] { now_ += absl::Seconds(1); });
  FailAttempt();
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_UNREACHABLE);
}

TEST_F(AwayTest, TheNextCoordinatorWaitsOn) {
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
}

TEST_F(AwayTest, AnotherTeamHasItsProcessMeanwhile) {
  file_.settings.max_processes = 1;
  Begin();
  Recorder left, other;
  Send(Left(), left);
  TellSpec to_other = ToGpu("x");
  to_other.to = "backend";
  Send(to_other, other);
  OnLoop([this] { EXPECT_THAT(factory_->Between("cli", "backend").open_tells(), IsEmpty()); });
  FailAttempt();
  OnLoop([&] {
    EXPECT_THAT(factory_->Between("cli", "backend").open_tells(), ElementsAre(to_other.tell_id));
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
    EXPECT_THAT(Transport().open_tells(), ElementsAre(spec.tell_id));
    EXPECT_THAT(Transport().resumed(), IsEmpty());  // No host has got it.
  });
  AnswerAtLast(spec.tell_id);
  EXPECT_TRUE(left.Wait().status.ok());
}

TEST_F(AwayTest, ItCanBeCancelled) {
  Recorder left;
  const TellSpec spec = Left();
  Send(spec, left);
  FailAttempt();
  OnLoop([&] {
    orchestrator_->Cancel(spec.tell_id, kCommandLineCaller,
                          [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
  });
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_CANCELLED);
}

TEST_F(AwayTest, OnThisMachineNobodyIsAway) {
  Recorder left;
  TellSpec spec = Left();
  spec.to = "backend";
  Send(spec, left);
  OnLoop([this] {
    factory_->Between("cli", "backend").BeAway(MakeFailure(v1::FAILURE_TIMEOUT, "no agent"));
  });
  EXPECT_EQ(KindOf(left.Wait().status), v1::FAILURE_TIMEOUT);
}

}  // namespace
}  // namespace iris
