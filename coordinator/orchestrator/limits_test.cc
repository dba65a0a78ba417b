// Messages that wait for the limit of their team's account.

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LimitsTest : public OrchestratorTest {
 protected:
  LimitsTest() {
    store_options_.vfs = disk_.vfs();
    Begin();
  }
  ~LimitsTest() override {
    OnLoop([this] {
      orchestrator_.reset();
      store_.reset();
    });
  }
  void Begin() {
    Start(HoldScript, {.limit_waits = {.after_reset = absl::Milliseconds(1),
                                       .first = absl::Milliseconds(20),
                                       .longest = absl::Milliseconds(40),
                                       .most = 3}});
  }
  static TellSpec Patient(const std::string& text = "x") {
    TellSpec spec = ToGpu(text);
    spec.wait_for_limit = true;
    return spec;
  }
  static absl::Status Limited(absl::Duration resets_in, bool nothing_ran = true) {
    v1::RateLimit limit;
    if (resets_in != absl::ZeroDuration()) {
      limit.set_resets_at_ms(absl::ToUnixMillis(absl::Now() + resets_in));
    }
    limit.set_nothing_ran(nothing_ran);
    return MakeRateLimited("Session limit reached", limit);
  }
  // The host's answer to what it has.
  void Refuse(const absl::Status& outcome) {
    OnLoop([&] {
      const std::string id_on_host = Transport().open_tells().front();
      Transport().Text(id_on_host, "Session limit reached");
      Transport().Settle(id_on_host, outcome);
    });
    Drain();
  }
  // By which id the host gets the message that it gets next.
  std::string NextAttempt() {
    std::string id_on_host;
    for (const absl::Time deadline = absl::Now() + absl::Seconds(20);
         id_on_host.empty() && absl::Now() < deadline;) {
      OnLoop([&] {
        if (!Transport().open_tells().empty()) id_on_host = Transport().open_tells().front();
      });
    }
    EXPECT_NE(id_on_host, "");
    return id_on_host;
  }
  void Answer(const std::string& id_on_host) {
    OnLoop([&] {
      Transport().Text(id_on_host, "the answer");
      Transport().Settle(id_on_host, absl::OkStatus());
    });
  }

  FailingDisk disk_;
};

TEST_F(LimitsTest, ItIsSentAgainUnderAnotherIdWhenTheLimitHasReset) {
  Recorder recorder, behind;
  const TellSpec spec = Patient(), next = ToGpu("next");
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  ASSERT_TRUE(Tell(next, behind).ok());
  Refuse(Limited(absl::Milliseconds(300)));
  EXPECT_THAT(recorder.texts, Contains(HasSubstr("waiting for the limit")));
  const std::string again = NextAttempt();
  EXPECT_EQ(again, IdOnHost(spec.tell_id, 1));
  // What is said once more of the first attempt is nothing new.
  OnLoop([&] {
    Transport().Text(spec.tell_id, "Session limit reached");
    Transport().TextVoid(spec.tell_id);
  });
  Answer(again);
  EXPECT_TRUE(recorder.Wait().status.ok());
  EXPECT_EQ(*recorder.outcome.answer, "the answer");
  EXPECT_EQ(NextAttempt(), next.tell_id);  // In their order.
  Answer(next.tell_id);
  EXPECT_TRUE(behind.Wait().status.ok());
}

TEST_F(LimitsTest, WithoutATimeItIsSentAgainSoOftenAtMost) {
  Recorder recorder;
  const TellSpec spec = Patient();
  ASSERT_TRUE(Tell(spec, recorder).ok());
  for (int waits = 0; waits <= 3; ++waits) {
    EXPECT_EQ(NextAttempt(), IdOnHost(spec.tell_id, waits));
    EXPECT_EQ(recorder.times_settled, 0);
    Refuse(Limited(absl::ZeroDuration()));
  }
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_RATE_LIMITED);
  EXPECT_EQ(*recorder.outcome.answer, "Session limit reached");  // Of the last attempt alone.
}

TEST_F(LimitsTest, ItWaitsOverLivesOfTheCoordinator) {
  Recorder before, after;
  const TellSpec spec = Patient();
  ASSERT_TRUE(Tell(spec, before).ok());
  Drain();
  Refuse(Limited(absl::Hours(1)));
  Begin();
  Drain();
  OnLoop([&] {
    const v1::TellSummary summary = *orchestrator_->Find(spec.tell_id, "cli");
    EXPECT_EQ(summary.state(), v1::TellSummary::QUEUED);
    EXPECT_THAT(summary.progress().text(), HasSubstr("waiting for the limit"));
    EXPECT_THAT(StatusOf(*orchestrator_)->at(0).stall(), HasSubstr("waiting for the limit"));
    EXPECT_FALSE(orchestrator_->idle());
  });
  ASSERT_TRUE(Tell(spec, after).ok());
  EXPECT_EQ(before.times_settled + after.times_settled, 0);

  store_options_.now = [] { return absl::Now() + absl::Hours(2); };
  Begin();
  EXPECT_EQ(NextAttempt(), IdOnHost(spec.tell_id, 1));
  // The host may have had it: of a life that the store does not know any more.
  OnLoop([&] { EXPECT_THAT(Transport().repeated(), ElementsAre(IdOnHost(spec.tell_id, 1))); });
  Begin();  // And another one, in which the team has it.
  EXPECT_EQ(NextAttempt(), IdOnHost(spec.tell_id, 1));
  Recorder at_last;
  ASSERT_TRUE(Tell(spec, at_last).ok());
  Answer(IdOnHost(spec.tell_id, 1));
  EXPECT_EQ(*at_last.Wait().answer, "the answer");
}

TEST_F(LimitsTest, ItCanBeCancelledWhileItWaits) {
  Recorder recorder, behind;
  const TellSpec spec = Patient(), next = ToGpu("next");
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  ASSERT_TRUE(Tell(next, behind).ok());
  Refuse(Limited(absl::Hours(1)));
  OnLoop([&] { orchestrator_->Cancel(spec.tell_id, "cli", [](const auto&) {}); });
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_CANCELLED);
  EXPECT_EQ(NextAttempt(), next.tell_id);
  Answer(next.tell_id);
  EXPECT_TRUE(behind.Wait().status.ok());
}

TEST_F(LimitsTest, WhoDoesNotAskForItAndWhatMayHaveRunFailsAtOnce) {
  Recorder a, b, c;
  ASSERT_TRUE(Tell(ToGpu("x"), a).ok());
  Drain();
  Refuse(Limited(absl::Hours(1)));
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_RATE_LIMITED);
  EXPECT_EQ(*a.outcome.answer, "Session limit reached");
  ASSERT_TRUE(Tell(Patient(), b).ok());
  Drain();
  Refuse(Limited(absl::Hours(1), /*nothing_ran=*/false));
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_RATE_LIMITED);
  ASSERT_TRUE(Tell(Patient(), c).ok());
  Drain();
  Refuse(MakeFailure(v1::FAILURE_CLAUDE_ERROR, "overloaded"));
  EXPECT_EQ(KindOf(c.Wait().status), v1::FAILURE_CLAUDE_ERROR);
}

TEST_F(LimitsTest, WhereTheDiskTakesNothingItIsPutOffOnceItDoes) {
  Recorder recorder;
  const TellSpec spec = Patient();
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  OnLoop([this] { disk_.Fail(FailingDisk::Trouble::kFull); });
  Refuse(Limited(absl::Milliseconds(1)));
  OnLoop([&] { EXPECT_THAT(Transport().open_tells(), IsEmpty()); });
  EXPECT_EQ(recorder.times_settled, 0);
  OnLoop([this] { disk_.Heal(); });
  const std::string again = NextAttempt();
  EXPECT_EQ(again, IdOnHost(spec.tell_id, 1));
  Answer(again);
  EXPECT_TRUE(recorder.Wait().status.ok());
}

TEST_F(LimitsTest, WhereTheHostsStopItIsOver) {
  Recorder recorder;
  ASSERT_TRUE(Tell(Patient(), recorder).ok());
  Drain();
  OnLoop([&] {
    const std::string id_on_host = Transport().open_tells().front();
    Transport().Settle(id_on_host, Limited(absl::Hours(1)));  // Not stored yet.
    EXPECT_TRUE(orchestrator_->SettleOpen().ok());
  });
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_RATE_LIMITED);
}

TEST_F(LimitsTest, TheLastTurnIsThatOfTheLastMessageAndOfNoneBefore) {
  Recorder first, second;
  const TellSpec with_account = ToGpu("x"), without = ToGpu("y");
  v1::TurnAccount account;
  account.set_tools(2);
  ASSERT_TRUE(Tell(with_account, first).ok());
  Drain();
  OnLoop([&] {
    Transport().Account(with_account.tell_id, account);
    Transport().Settle(with_account.tell_id, absl::OkStatus());
  });
  first.Wait();
  EXPECT_EQ(OnlySession().last_turn().tools(), 2u);
  ASSERT_TRUE(Tell(without, second).ok());
  Drain();
  OnLoop([&] {
    Transport().Settle(without.tell_id, MakeFailure(v1::FAILURE_CHILD_EXITED, "it is dead"));
  });
  second.Wait();
  EXPECT_FALSE(OnlySession().has_last_turn());
}

TEST_F(LimitsTest, WhatATurnCostIsStoredWithTheAnswerAndShownWithTheSession) {
  Recorder recorder, again;
  const TellSpec spec = ToGpu("x");
  v1::TurnAccount account;
  account.set_cost_micro_usd(84'210);
  account.set_denials(1);
  account.add_denied()->set_name("Bash");
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  OnLoop([&] {
    Transport().Account(spec.tell_id, account);
    Transport().Settle(spec.tell_id, MakeFailure(v1::FAILURE_CLAUDE_ERROR, "no"));
  });
  EXPECT_EQ(recorder.Wait().account.cost_micro_usd(), 84'210);
  EXPECT_FALSE(recorder.Wait().account.asks());  // gpu's claude has nobody asked.
  EXPECT_EQ(OnlySession().last_turn().denied(0).name(), "Bash");
  Begin();
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(again.Wait().account.cost_micro_usd(), 84'210);
  OnLoop([&] {
    const absl::StatusOr<v1::TellSummary> found = orchestrator_->Find(spec.tell_id, "cli");
    EXPECT_EQ(found->account().denied(0).name(), "Bash");
  });
}

TEST_F(LimitsTest, AfterAVoidTextWhatItCostIsNotKnown) {
  Recorder recorder;
  const TellSpec spec = ToGpu("x");
  v1::TurnAccount account;
  account.set_tools(1);
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  OnLoop([&] {
    Transport().Account(spec.tell_id, account);
    Transport().TextVoid(spec.tell_id);
    Transport().Settle(spec.tell_id, absl::OkStatus());
  });
  EXPECT_EQ(recorder.Wait().account.tools(), 0u);
}

TEST_F(LimitsTest, StructuredOutputIsStoredWithTheAnswer) {
  Recorder recorder, again;
  const TellSpec spec = ToGpu("x");
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  OnLoop([&] {
    Transport().Text(spec.tell_id, "said\n\n{\"a\":1}");
    Transport().Structured(spec.tell_id, 7);
    Transport().Settle(spec.tell_id, absl::OkStatus());
  });
  EXPECT_EQ(recorder.Wait().structured_bytes, 7u);
  Begin();
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(again.Wait().structured_bytes, 7u);
}

}  // namespace
}  // namespace iris
