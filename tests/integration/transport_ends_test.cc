// How a tell and a child end on request, and by themselves.

#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

TEST_F(TransportTest, TheIdleTimeoutEndsTheChildAndTheNextTellResumes) {
  team_.idle_timeout = absl::Milliseconds(200);
  Renew();
  EXPECT_EQ(Ask("COUNT").text, "1");
  const absl::Status down = sink_.WaitForDown();
  EXPECT_THAT(std::string(down.message()), HasSubstr("idle"));
  EXPECT_EQ(Ask("COUNT").text, "2");
}

TEST_F(TransportTest, TheSessionInitTimeoutIsTheAgentsLimit) {
  std::ofstream(home_.File(".stub-hang-at-start"));
  team_.session_init_timeout = absl::Milliseconds(700);
  Renew();
  const Outcome outcome = Ask("hello");
  EXPECT_EQ(KindOf(outcome.status), v1::FAILURE_TIMEOUT) << outcome.status;
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("700ms"));
}

TEST_F(TransportTest, TerminateEndsTheChildAndTheNextTellResumes) {
  EXPECT_EQ(Ask("COUNT").text, "1");
  EXPECT_TRUE(Terminate());
  OnLoop([this] { EXPECT_FALSE(transport_->ready()); });
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_CHILD_EXITED);
  EXPECT_FALSE(Terminate());
  EXPECT_EQ(Ask("COUNT").text, "2");
}

TEST_F(TransportTest, TerminateCancelsTheTellUnderWayWithItsPartialText) {
  const std::string id = Tell("SLOW 30");
  sink_.WaitForText(id);
  EXPECT_TRUE(Terminate());
  OnLoop([this] { EXPECT_FALSE(transport_->busy()); });
  const Outcome cancelled = sink_.WaitFor(id);
  EXPECT_EQ(KindOf(cancelled.status), v1::FAILURE_CANCELLED) << cancelled.status;
  EXPECT_THAT(cancelled.text, HasSubstr("word0"));
}

TEST_F(TransportTest, CancellingATellThatRunsLeavesItsTextAndTheOneThatWaitsToTheSameChild) {
  const std::string pid = Ask("PID").text;
  const std::string running = Tell("BLOCKS 1\nHANG");
  const std::string waiting = Tell("PID");
  sink_.WaitForText(running);
  OnLoop([&] { transport_->Cancel(running); });
  const Outcome cancelled = sink_.WaitFor(running);
  EXPECT_EQ(KindOf(cancelled.status), v1::FAILURE_CANCELLED) << cancelled.status;
  EXPECT_THAT(cancelled.text, HasSubstr("block 1"));
  EXPECT_EQ(sink_.WaitFor(waiting).text, pid);
}

TEST_F(TransportTest, CancellingATellThatWaitsLeavesTheOneThatRuns) {
  Ask("hello");
  const std::string running = Tell(Held("SLOW"));
  const std::string waiting = Tell("COUNT");
  const std::string last = Tell("COUNT");
  OnLoop([&] { transport_->Cancel(waiting); });
  EXPECT_EQ(KindOf(sink_.WaitFor(waiting).status), v1::FAILURE_CANCELLED);
  LetGo();
  EXPECT_TRUE(sink_.WaitFor(running).status.ok());
  EXPECT_EQ(sink_.WaitFor(last).text, "3");
}

TEST_F(TransportTest, TerminateWhileTheChildStartsSaysThatOneRan) {
  std::ofstream(home_.File(".stub-hang-at-start"));
  OnLoop([this] { transport_->Spawn(); });
  sink_.WaitForStage(TransportProgress::Stage::kStarting);
  EXPECT_TRUE(Terminate());
  EXPECT_NE(sink_.WaitForDown(), absl::OkStatus());
  EXPECT_FALSE(Terminate());
}

TEST_F(TransportTest, TerminateBeforeTheLinkIsUpCancelsAndStartsNothing) {
  std::string id;
  absl::Notification done;
  absl::StatusOr<bool> outcome;
  OnLoop([&] {
    transport_->Tell(id = NewUuid(), "PID");
    transport_->Terminate([&](const absl::StatusOr<bool>& was_running) {
      outcome = was_running;
      done.Notify();
    });
  });
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_CANCELLED);
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(*outcome);
  EXPECT_TRUE(sink_.pids().empty());
  EXPECT_EQ(Ask("COUNT").text, "1");
}

TEST_F(TransportTest, TerminateReachesTheChildOfAnEarlierContact) {
  Ask("hello");
  Renew();
  EXPECT_TRUE(Terminate());
  Renew();
  EXPECT_FALSE(Terminate());
  EXPECT_EQ(Ask("COUNT").text, "2");
}

// Nobody knows that it has ended: it goes on there, and its answer is no less than before.
TEST_F(TransportTest, WhatTheHostHasOutlivesATerminateThatDoesNotReachIt) {
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  absl::Notification done;
  OnLoop([&] {
    transport_->Terminate([&](const absl::StatusOr<bool>& was_running) {
      EXPECT_FALSE(was_running.ok());
      done.Notify();
    });
  });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
  OnLoop([this] { EXPECT_TRUE(transport_->busy()); });
  LetGo();
  host_.RefuseWith(absl::OkStatus());
  const absl::Status outcome = sink_.WaitFor(id).status;
  EXPECT_TRUE(outcome.ok()) << outcome;
}

TEST_F(TransportTest, ATerminateThatReachesTheHostAtLastHearsWhatEndedBefore) {
  const std::string text = Held("SLOW"), id = Tell(text);
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();
  sink_.ForgetAllBut(mark);
  LetGo();
  ASSERT_TRUE(Eventually([this] { return !host_.busy(); }));
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, text, /*given=*/true); });
  EXPECT_TRUE(Terminate());
  const absl::Status outcome = sink_.WaitFor(id).status;
  EXPECT_TRUE(outcome.ok()) << outcome;
  EXPECT_EQ(Ask("COUNT").text, "2");
}

TEST_F(TransportTest, TerminateSaysWhyItCannotKnow) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  absl::Notification done;
  OnLoop([&] {
    transport_->Terminate([&](const absl::StatusOr<bool>& was_running) {
      EXPECT_EQ(KindOf(was_running.status()), v1::FAILURE_AUTH);
      done.Notify();
    });
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
}

}  // namespace
}  // namespace iris
