#include "coordinator/link/attempt_notes.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/config/config.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kNever = absl::Hours(1);

// On the loop, as the link.
class AttemptList : public PlacedAgents {
 public:
  void NoteAttempt(const std::string& place, const std::string& name,
                   const RemoteWay& way) override {
    EXPECT_TRUE(IsAttemptBy(place, way));
    notes.push_back("attempt to reach " + name);
  }
  void NoteAttemptEnd(const std::string& place, bool may_have_started) override {
    EXPECT_TRUE(IsAttempt(place));
    notes.push_back(may_have_started ? "may have started one" : "has started none");
  }
  void Note(const std::string&, const std::string&, const RemoteWay&) override {}
  void Forget(const std::string&) override {}
  void NoteTried(const std::vector<std::string>&) override {}
  absl::StatusOr<std::vector<PlacedAgent>> All(const SharedEnvironment&) override {
    return std::vector<PlacedAgent>();
  }

  std::vector<std::string> notes;
};

class AttemptNotesTest : public ::testing::Test {
 protected:
  AttemptNotesTest() {
    KeepGrpcClientThreads();
    // With this seed the first wait is more than a tenth of its limit.
    HostLinkOptions options = {
        .heartbeat = {}, .waits = {.first = kNever, .longest = kNever}, .seed = 1};
    options.identity = "a link";
    RemoteWay way;
    way.remote.text = "reach gpu1";
    NoteAttempts(&placed_, "me@gpu1", way, options);
    OnLoop([&] {
      link_ = std::make_unique<HostLink>(loop_.loop(), calls_, "me@gpu1", host_.MakeConnector(),
                                         options);
      link_->AddObserver(&recorder_);
    });
  }
  ~AttemptNotesTest() override {
    OnLoop([this] { link_.reset(); });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }

  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  // Until it has said `count` things in all.
  void WantUntilHeard(size_t count) {
    OnLoop([this] { link_->Want(&recorder_); });
    recorder_.WaitFor(count);
  }
  std::vector<std::string> Notes() {
    std::vector<std::string> notes;
    OnLoop([&] { notes = placed_.notes; });
    return notes;
  }

  FakeHost host_;
  LoopThread loop_;
  OutstandingCalls calls_;
  AttemptList placed_;
  LinkRecorder recorder_;
  std::unique_ptr<HostLink> link_;
};

TEST_F(AttemptNotesTest, AnAttemptIsNotedBeforeItsEndIsKnown) {
  host_.Hold();
  OnLoop([this] {
    link_->Want(&recorder_);
    EXPECT_THAT(placed_.notes, ElementsAre("attempt to reach me@gpu1"));
  });
}

TEST_F(AttemptNotesTest, WhereTheHostLetsNobodyInNothingIsStarted) {
  host_.Refuse(MakeFailure(v1::FAILURE_UNREACHABLE, "no route"));
  WantUntilHeard(1);
  EXPECT_THAT(Notes(), ElementsAre("attempt to reach me@gpu1", "has started none"));
}

TEST_F(AttemptNotesTest, WhatEndsBehindTheLoginMayHaveStartedOneUnlessTheHostSaysNo) {
  host_.AnswerWith(MakeFailure(v1::FAILURE_TIMEOUT, "no greeting"));
  WantUntilHeard(1);
  host_.AnswerWith(MakeFailure(v1::FAILURE_NOT_EXECUTABLE, "noexec"));
  WantUntilHeard(2);
  EXPECT_THAT(Notes(), ElementsAre("attempt to reach me@gpu1", "may have started one",
                                   "attempt to reach me@gpu1", "has started none"));
}

TEST_F(AttemptNotesTest, OnceTheHostHasGreetedItsPlaceIsKnown) {
  WantUntilHeard(1);
  host_.Refuse(MakeFailure(v1::FAILURE_UNREACHABLE, "no route"));
  host_.CutWires();
  WantUntilHeard(2);
  WantUntilHeard(3);
  EXPECT_THAT(Notes(), ElementsAre("attempt to reach me@gpu1", "may have started one"));
}

TEST_F(AttemptNotesTest, WhatIsGivenUpHasEndedToo) {
  host_.Refuse(MakeFailure(v1::FAILURE_UNREACHABLE, "no route"));
  host_.Hold();
  OnLoop([this] {
    link_->Want(&recorder_);
    link_.reset();
  });
  EXPECT_THAT(Notes(), ElementsAre("attempt to reach me@gpu1", "has started none"));
}

}  // namespace
}  // namespace iris
