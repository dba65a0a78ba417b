#include "coordinator/link/host_link.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using L = v1::LinkStatus;

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kNever = absl::Hours(1);

absl::Status Failure(FailureKind kind) { return MakeFailure(kind, "DETAIL", "FIX"); }

class HostLinkTest : public ::testing::Test {
 protected:
  HostLinkTest() { KeepGrpcClientThreads(); }
  ~HostLinkTest() override {
    DestroyLink();
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }

  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  // Made at the first use, with `options_`.
  void Want() {
    OnLoop([this] {
      if (link_ == nullptr) {
        link_ = std::make_unique<HostLink>(loop_.loop(), calls_, "gpu1", host_.MakeConnector(),
                                           options_);
        link_->AddObserver(&recorder_);
      }
      link_->Want(&recorder_);
    });
  }
  void Unwant() {
    OnLoop([this] { link_->Unwant(&recorder_); });
  }
  void DestroyLink() {
    OnLoop([this] { link_.reset(); });
  }
  v1::LinkStatus Status() {
    v1::LinkStatus status;
    OnLoop([&] { status = link_->Status(); });
    return status;
  }
  v1::LinkStatus WaitForState(L::State state) {
    const absl::Time deadline = absl::Now() + kPatience;
    v1::LinkStatus status = Status();
    while (status.state() != state && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(5));
      status = Status();
    }
    EXPECT_EQ(status.state(), state);
    return status;
  }
  // Nothing comes by itself for a long time.
  void WaitLong() { options_.waits = {.first = kNever, .longest = kNever}; }
  void WatchClosely(absl::Duration lost_after) {
    options_.heartbeat = {.urgent = absl::Milliseconds(20),
                          .relaxed = kNever,
                          .suspect_after = absl::Milliseconds(20),
                          .lost_after = lost_after};
  }

  FakeHost host_;
  LoopThread loop_;
  OutstandingCalls calls_;
  LinkRecorder recorder_;
  // With this seed the first wait is more than a tenth of its limit.
  HostLinkOptions options_ = {.heartbeat = {}, .waits = {}, .seed = 1};
  std::unique_ptr<HostLink> link_;
};

TEST_F(HostLinkTest, AWantedLinkComesUp) {
  Want();
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up"));
  EXPECT_EQ(Status().state(), L::UP);
  OnLoop([this] {
    EXPECT_TRUE(link_->was_up());
    EXPECT_NE(link_->life(), nullptr);
  });
}

TEST_F(HostLinkTest, AWantedLinkThatIsLostComesBackByItself) {
  Want();
  recorder_.WaitFor(1);
  for (size_t loss = 1; loss <= 3; ++loss) {
    host_.CutWires();
    recorder_.WaitFor(1 + 2 * loss);
  }
  EXPECT_THAT(recorder_.heard(),
              ElementsAre("up", "down dropped, retries", "up", "down dropped, retries", "up",
                          "down dropped, retries", "up"));
  EXPECT_EQ(Status().losses(), 3u);
  EXPECT_FALSE(Status().has_failure());
}

TEST_F(HostLinkTest, ALostLinkThatNobodyWantsStaysDown) {
  Want();
  recorder_.WaitFor(1);
  Unwant();
  EXPECT_EQ(Status().state(), L::UP);
  host_.CutWires();
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down dropped"));
  const v1::LinkStatus status = Status();
  EXPECT_EQ(status.state(), L::DOWN);
  EXPECT_EQ(status.failure().kind(), v1::FAILURE_DROPPED);
  EXPECT_EQ(host_.attempts(), 1);

  Want();
  EXPECT_THAT(recorder_.WaitFor(3), ElementsAre("up", "down dropped", "up"));
}

TEST_F(HostLinkTest, AHostThatNeverAnsweredIsToldAtOnceAndTriedOn) {
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  Want();
  EXPECT_EQ(recorder_.WaitFor(1)[0], "down unreachable, retries");
  OnLoop([this] { EXPECT_FALSE(link_->was_up()); });
  recorder_.WaitFor(2);
  host_.AnswerWith(absl::OkStatus());
  const v1::LinkStatus status = WaitForState(L::UP);
  EXPECT_EQ(status.losses(), 0u);
  EXPECT_EQ(recorder_.heard().back(), "up");
}

TEST_F(HostLinkTest, AHostIsAwaySinceTheFirstFailureAndNotSinceTheLast) {
  options_.waits = {.first = absl::Milliseconds(50), .longest = absl::Milliseconds(50)};
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  Want();
  recorder_.WaitFor(3);
  const v1::LinkStatus away = Status();
  EXPECT_GT(away.away_ms(), away.failure_age_ms());
  host_.AnswerWith(absl::OkStatus());
  EXPECT_EQ(WaitForState(L::UP).away_ms(), 0);
}

TEST_F(HostLinkTest, WhatNobodyWantedWasNotAwayMeanwhile) {
  Want();
  recorder_.WaitFor(1);
  Unwant();
  host_.CutWires();
  recorder_.WaitFor(2);
  const absl::Time deadline = absl::Now() + kPatience;
  while (Status().away_ms() == 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
  ASSERT_GT(Status().away_ms(), 0);
  EXPECT_TRUE(Status().is_loss());
  host_.Hold();
  Want();
  EXPECT_EQ(Status().away_ms(), 0);
  EXPECT_FALSE(Status().is_loss()) << "whether it can be reached is asked now";
  host_.Release();
  WaitForState(L::UP);
}

TEST_F(HostLinkTest, AWaitingLinkSaysUntilWhen) {
  WaitLong();
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  Want();
  const v1::LinkStatus status = WaitForState(L::WAITING);
  EXPECT_GT(status.retry_in_ms(), absl::ToInt64Milliseconds(2 * kPatience));
  EXPECT_EQ(status.failure().detail(), "DETAIL");
}

TEST_F(HostLinkTest, WhoAsksDoesNotWait) {
  WaitLong();
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  Want();
  recorder_.WaitFor(1);
  host_.AnswerWith(absl::OkStatus());
  Want();
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down unreachable, retries", "up"));
}

TEST_F(HostLinkTest, NobodyWaitsAfterAWakeUp) {
  WaitLong();
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  Want();
  recorder_.WaitFor(1);
  host_.AnswerWith(absl::OkStatus());
  OnLoop([this] { link_->WokeUp(); });
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down unreachable, retries", "up"));
}

TEST_F(HostLinkTest, AWaitEndsWhenNobodyWantsTheLinkAnyMore) {
  WaitLong();
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  Want();
  recorder_.WaitFor(1);
  Unwant();
  EXPECT_EQ(Status().state(), L::DOWN);
}

TEST_F(HostLinkTest, WhatOnlyAPersonCanMendIsBlockedUntilSomebodyAsks) {
  host_.AnswerWith(Failure(v1::FAILURE_AUTH));
  Want();
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("down auth"));
  const v1::LinkStatus status = Status();
  EXPECT_EQ(status.state(), L::BLOCKED);
  EXPECT_EQ(status.failure().fix(), "FIX");
  OnLoop([this] { link_->WokeUp(); });
  EXPECT_EQ(Status().state(), L::BLOCKED);

  host_.AnswerWith(absl::OkStatus());
  Want();
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down auth", "up"));
}

TEST_F(HostLinkTest, TheClientSaysWhyItWasLostAndIsGoneBeforeTheNextAttempt) {
  host_.ClientSays(MakeFailure(v1::FAILURE_DROPPED, "Connection closed by remote host"));
  WaitLong();
  Want();
  recorder_.WaitFor(1);
  ASSERT_EQ(Status().facts_size(), 1);
  EXPECT_EQ(Status().facts(0).name(), "clientPid");
  EXPECT_EQ(Status().facts(0).value(), "4711");
  host_.CutWires();
  recorder_.WaitFor(2);
  EXPECT_EQ(Status().failure().detail(), "Connection closed by remote host");
  EXPECT_EQ(Status().facts_size(), 0);
  EXPECT_EQ(host_.clients(), 0);
  Want();  // The host fails the test if a client is left.
  recorder_.WaitFor(3);
}

TEST_F(HostLinkTest, WhoAsksWhileItEndsHasItRightAfter) {
  host_.ClientSays(Failure(v1::FAILURE_AUTH));
  host_.HoldEnds();
  WaitLong();
  Want();
  recorder_.WaitFor(1);
  host_.CutWires();
  WaitForState(L::ENDING);
  Want();
  EXPECT_EQ(Status().state(), L::ENDING);
  host_.Release();
  EXPECT_THAT(recorder_.WaitFor(3), ElementsAre("up", "down auth, retries", "up"));
}

TEST_F(HostLinkTest, ASilentHostIsSuspectAndUpAgainWhenItAnswers) {
  WatchClosely(kNever);
  host_.Silence(true);
  Want();
  WaitForState(L::SUSPECT);
  OnLoop([this] { EXPECT_NE(link_->life(), nullptr); });
  host_.Silence(false);
  WaitForState(L::UP);
  EXPECT_EQ(Status().losses(), 0u);
  EXPECT_THAT(recorder_.heard(), ElementsAre("up"));
}

TEST_F(HostLinkTest, AnyTrafficProvesLife) {
  WatchClosely(kNever);
  host_.Silence(true);
  Want();
  WaitForState(L::SUSPECT);
  OnLoop([this] {
    link_->OnTraffic();
    EXPECT_EQ(link_->Status().state(), L::UP);
  });
}

// A transport factory chooses before anybody knows that no agent can run on the host.
TEST_F(HostLinkTest, WhereNoAgentCanRunAnotherTransportMayTakeOver) {
  std::string transport = "with an agent";
  recorder_.on_down = [&] {
    if (link_->no_agent_possible()) transport = "without one";
  };
  host_.AnswerWith(Failure(v1::FAILURE_NO_AGENT_POSSIBLE));
  Want();
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("down no_agent_possible"));
  OnLoop([&] { EXPECT_EQ(transport, "without one"); });

  host_.AnswerWith(absl::OkStatus());
  Want();
  recorder_.WaitFor(2);
  OnLoop([this] { EXPECT_FALSE(link_->no_agent_possible()); });
}

TEST_F(HostLinkTest, AHostThatStaysSilentIsLostAndItsClientIsNotAsked) {
  host_.ClientSays(Failure(v1::FAILURE_INTERNAL));
  host_.Silence(true);
  WaitLong();
  WatchClosely(absl::Milliseconds(100));
  Want();
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down dropped, retries"));
  EXPECT_THAT(Status().failure().detail(), HasSubstr("silent for 100ms"));
  EXPECT_EQ(host_.clients(), 0);
}

TEST_F(HostLinkTest, WhereNobodyWaitsForAnAnswerItIsProbedSeldom) {
  WatchClosely(kNever);
  host_.Silence(true);
  Want();
  OnLoop([this] { link_->SetUrgent(&recorder_, false); });
  recorder_.WaitFor(1);
  // Whether or not a probe went before it was told: after life was proved, none goes.
  OnLoop([this] { link_->OnTraffic(); });
  EXPECT_EQ(Status().state(), L::UP);
  OnLoop([this] { link_->SetUrgent(&recorder_, true); });
  WaitForState(L::SUSPECT);
}

TEST_F(HostLinkTest, AfterAWakeUpWhatIsUpIsProbedAtOnce) {
  WaitLong();
  options_.heartbeat = {.urgent = kNever,
                        .relaxed = kNever,
                        .suspect_after = absl::Milliseconds(20),
                        .lost_after = absl::Milliseconds(100)};
  host_.Silence(true);
  Want();
  recorder_.WaitFor(1);
  OnLoop([this] { link_->WokeUp(); });
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down dropped, retries"));
}

TEST_F(HostLinkTest, ARetiredLinkIsNotBroughtBack) {
  Want();
  recorder_.WaitFor(1);
  OnLoop([this] { link_->Retire(); });
  host_.CutWires();
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down dropped"));
  Want();
  EXPECT_EQ(Status().state(), L::DOWN);
  EXPECT_EQ(host_.attempts(), 1);
}

TEST_F(HostLinkTest, AnObserverMayLeaveWhileItIsTold) {
  host_.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
  recorder_.on_down = [this] { link_->RemoveObserver(&recorder_); };
  Want();
  recorder_.WaitFor(1);
  EXPECT_EQ(Status().state(), L::DOWN);
  EXPECT_EQ(host_.attempts(), 1);
}

// Each brings the link to a state; then it is destroyed, and nothing of it may run on.
using Bring = std::function<void(FakeHost&, HostLinkOptions&)>;
struct AtState {
  L::State state;
  Bring prepare;
  bool cut = false;
};

class HostLinkEndTest : public HostLinkTest, public ::testing::WithParamInterface<AtState> {};

TEST_P(HostLinkEndTest, DestroyedAtAnyTimeItLeavesNothingBehind) {
  host_.ClientSays(Failure(v1::FAILURE_DROPPED));
  GetParam().prepare(host_, options_);
  Want();
  if (GetParam().cut) {
    recorder_.WaitFor(1);
    host_.CutWires();
  }
  WaitForState(GetParam().state);
  if (GetParam().cut) host_.Release();
  DestroyLink();
  OnLoop([] {});  // A connection that came too late goes with the task that brought it.
  EXPECT_EQ(host_.running(), 0);
  EXPECT_EQ(host_.clients(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    States, HostLinkEndTest,
    ::testing::Values(
        AtState{L::BOOTSTRAPPING, [](FakeHost& host, HostLinkOptions&) { host.Hold(); }},
        AtState{L::UP, [](FakeHost&, HostLinkOptions&) {}},
        AtState{L::SUSPECT,
                [](FakeHost& host, HostLinkOptions& options) {
                  host.Silence(true);
                  options.heartbeat.urgent = options.heartbeat.suspect_after =
                      absl::Milliseconds(20);
                  options.heartbeat.lost_after = kNever;
                }},
        AtState{L::ENDING, [](FakeHost& host, HostLinkOptions&) { host.HoldEnds(); }, true},
        AtState{L::WAITING,
                [](FakeHost& host, HostLinkOptions& options) {
                  host.AnswerWith(Failure(v1::FAILURE_UNREACHABLE));
                  options.waits = {.first = kNever, .longest = kNever};
                }},
        AtState{L::BLOCKED, [](FakeHost& host,
                               HostLinkOptions&) { host.AnswerWith(Failure(v1::FAILURE_AUTH)); }}),
    [](const auto& info) { return L::State_Name(info.param.state); });

}  // namespace
}  // namespace iris
