// Messages that wait for the limit of their team's account.

#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class LimitsTest : public OrchestratorTest {
 protected:
  LimitsTest() { Begin(); }
  void Begin() { Start(HoldScript, {.limit_waits = {.after_reset = absl::Milliseconds(1)}}); }
  TellSpec Patient() {
    TellSpec spec = ToGpu("x");
    spec.wait_for_limit = true;
    return spec;
  }
  static absl::Status Limited(absl::Duration resets_in, bool nothing_ran = true) {
    v1::RateLimit limit;
    limit.set_resets_at_ms(absl::ToUnixMillis(absl::Now() + resets_in));
    limit.set_nothing_ran(nothing_ran);
    return MakeRateLimited("Session limit reached", limit);
  }
  // The host's answer to what it has.
  void Refuse(absl::Duration resets_in, bool nothing_ran = true) {
    OnLoop([&] {
      const std::string sent = Transport().open_tells().front();
      Transport().Text(sent, "Session limit reached");
      Transport().Settle(sent, Limited(resets_in, nothing_ran));
    });
    Drain();
  }
  std::string WaitForTheNextAttempt() {
    while (true) {
      std::string sent;
      OnLoop([&] {
        if (!Transport().open_tells().empty()) sent = Transport().open_tells().front();
      });
      if (!sent.empty()) return sent;
    }
  }
};

TEST_F(LimitsTest, ItIsSentAgainUnderAnotherIdWhenTheLimitHasReset) {
  Recorder recorder, behind;
  const TellSpec spec = Patient(), next = ToGpu("next");
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  ASSERT_TRUE(Tell(next, behind).ok());
  Refuse(absl::Milliseconds(500));
  EXPECT_THAT(recorder.texts, Contains(HasSubstr("waiting for the limit")));
  const std::string sent = WaitForTheNextAttempt();
  EXPECT_NE(sent, spec.tell_id);
  OnLoop([&] {
    Transport().Text(sent, "the answer");
    Transport().Settle(sent, absl::OkStatus());
  });
  EXPECT_TRUE(recorder.Wait().status.ok());
  EXPECT_EQ(*recorder.outcome.answer, "the answer");
  EXPECT_EQ(WaitForTheNextAttempt(), next.tell_id);
  OnLoop([&] { Transport().Settle(next.tell_id, absl::OkStatus()); });
  behind.Wait();
}

TEST_F(LimitsTest, ItOutlivesTheCoordinator) {
  Recorder before, after;
  const TellSpec spec = Patient();
  ASSERT_TRUE(Tell(spec, before).ok());
  Drain();
  Refuse(absl::Hours(1));
  Begin();
  Drain();
  OnLoop([&] {
    EXPECT_EQ((*orchestrator_->Find(spec.tell_id, "cli")).state(), "queued");
    EXPECT_THAT((*orchestrator_->Find(spec.tell_id, "cli")).progress().text(),
                HasSubstr("waiting for the limit"));
  });
  ASSERT_TRUE(Tell(spec, after).ok());
  EXPECT_EQ(after.times_settled, 0);
}

TEST_F(LimitsTest, ItCanBeCancelledWhileItWaits) {
  Recorder recorder;
  const TellSpec spec = Patient();
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  Refuse(absl::Hours(1));
  OnLoop([&] { orchestrator_->Cancel(spec.tell_id, "cli", [](const auto&) {}); });
  EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_CANCELLED);
}

TEST_F(LimitsTest, WhoDoesNotAskForItAndWhatHasBegunFailsAtOnce) {
  Recorder a, b;
  ASSERT_TRUE(Tell(ToGpu("x"), a).ok());
  Drain();
  Refuse(absl::Hours(1));
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_RATE_LIMITED);
  EXPECT_EQ(*a.outcome.answer, "Session limit reached");
  ASSERT_TRUE(Tell(Patient(), b).ok());
  Drain();
  Refuse(absl::Hours(1), /*nothing_ran=*/false);
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_RATE_LIMITED);
}

TEST_F(LimitsTest, AStoredLimitIsStillOne) {
  Recorder recorder, again;
  const TellSpec spec = ToGpu("x");
  ASSERT_TRUE(Tell(spec, recorder).ok());
  Drain();
  Refuse(absl::Hours(1));
  recorder.Wait();
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(KindOf(again.Wait().status), v1::FAILURE_RATE_LIMITED);
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
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(again.Wait().structured_bytes, 7u);
}

}  // namespace
}  // namespace iris
