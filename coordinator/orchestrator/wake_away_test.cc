// Waking, taking over and putting to sleep a session whose host is out of reach.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// A message is worked on behind a link that is lost.
class WakeAwayTest : public OrchestratorTest {
 protected:
  WakeAwayTest() {
    Start(HoldScript);
    EXPECT_TRUE(Tell(spec_, told_).ok());
    Drain();
    OnLoop([this] { Transport().LoseReach(); });
  }
  ~WakeAwayTest() override {
    OnLoop([this] { orchestrator_.reset(); });
  }
  void FailAttempt() {
    OnLoop([this] {
      Transport().BeAway({.why = MakeFailure(v1::FAILURE_UNREACHABLE, "no route"),
                          .retries = true,
                          .host_is_known = true});
    });
    Drain();
  }

  const TellSpec spec_ = ToGpu("x");
  Recorder told_;
};

TEST_F(WakeAwayTest, ASleepByForceThatFailsSaysWhatIsCancelledAndLeavesWhatTheHostHas) {
  Recorder waiting;
  ASSERT_TRUE(Tell(ToGpu("y"), waiting).ok());
  Drain();
  absl::Status slept;
  OnLoop([&] {
    orchestrator_->Sleep(
        "cli", "gpu", /*force=*/true,
        [&slept](const absl::StatusOr<v1::SleepResponse>& result) { slept = result.status(); });
  });
  Drain();
  EXPECT_EQ(KindOf(waiting.Wait().status), v1::FAILURE_CANCELLED);
  FailAttempt();
  EXPECT_EQ(KindOf(slept), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(ToProto(slept).detail(),
            absl::StrCat("no route; 1 message to it was cancelled all the same, and its claude may "
                         "still run; message ",
                         spec_.tell_id,
                         ", which the team may have, goes on, and can be cancelled by its id"));
  EXPECT_EQ(told_.times_settled, 0);
  OnLoop([this] {
    Transport().BeBack();
    Transport().Settle(spec_.tell_id, absl::OkStatus());
  });
  EXPECT_TRUE(told_.Wait().status.ok());
}

class WakeOrTakeoverTest : public WakeAwayTest, public ::testing::WithParamInterface<bool> {
 protected:
  void Wake() {
    OnLoop([this] {
      orchestrator_->Wake(
          "cli", "gpu",
          [this](const absl::StatusOr<v1::WakeResponse>& result) {
            ++times_;
            result_ = result;
          },
          /*takeover=*/GetParam());
    });
    Drain();
  }

  int times_ = 0;
  absl::StatusOr<v1::WakeResponse> result_;
};

INSTANTIATE_TEST_SUITE_P(Both, WakeOrTakeoverTest, ::testing::Bool());

TEST_P(WakeOrTakeoverTest, FailsWithWhyTheHostIsAwayAndLeavesTheMessageAlone) {
  Wake();
  EXPECT_EQ(times_, 0) << "the host is tried first";
  FailAttempt();
  ASSERT_EQ(times_, 1);
  EXPECT_EQ(KindOf(result_.status()), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(ToProto(result_.status()).detail(), HasSubstr("no route"));
  EXPECT_EQ(told_.times_settled, 0);
  OnLoop([this] {
    Transport().BeBack();
    Transport().Settle(spec_.tell_id, absl::OkStatus());
  });
  EXPECT_TRUE(told_.Wait().status.ok());
  EXPECT_EQ(times_, 1);
}

TEST_P(WakeOrTakeoverTest, WorksWhereTheHostIsBack) {
  Wake();
  OnLoop([this] { Transport().BeBack(); });
  Drain();
  EXPECT_EQ(times_, 1);
  EXPECT_TRUE(result_.ok()) << result_.status();
  OnLoop([this] { Transport().Settle(spec_.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(told_.Wait().status.ok());
}

}  // namespace
}  // namespace iris
