#include "coordinator/transport/child_report.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/sink_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const absl::Status kGone = MakeFailure(v1::FAILURE_CHILD_EXITED, "it is gone");

v1::ChildInfo Child(int64_t pid) {
  v1::ChildInfo child;
  child.set_pid(pid);
  child.set_start_time(1);
  return child;
}

v1::PendingRequest Request(const std::string& id) {
  v1::PendingRequest request;
  request.set_request_id(id);
  request.set_json("{}");
  return request;
}

class ChildReportTest : public ::testing::Test {
 protected:
  SinkRecorder sink_;
  EventLoop loop_{[] { return absl::Hours(1); }};
  TurnProgress progress_{loop_, [](const TransportProgress&) {}};
  std::unique_ptr<ChildReport> report_ = std::make_unique<ChildReport>("session", progress_, sink_);
};

TEST_F(ChildReportTest, AChildIsReadyOnceWhoeverSaysSo) {
  report_->OnReady(Child(7));
  report_->OnReady(Child(7));
  EXPECT_THAT(sink_.Take(), ElementsAre("ready 7"));
  EXPECT_TRUE(report_->ready());
  report_->OnReady(Child(8));
  EXPECT_THAT(sink_.Take(), ElementsAre("ready 8"));
}

TEST_F(ChildReportTest, AChildThatOutlivesALostContactIsSaidToBeReadyAgain) {
  report_->OnReady(Child(7));
  report_->OnContactLost();
  EXPECT_FALSE(report_->ready());
  EXPECT_TRUE(report_->Is(Child(7)));
  report_->OnReady(Child(7));
  EXPECT_THAT(sink_.Take(), ElementsAre("ready 7", "ready 7"));
}

TEST_F(ChildReportTest, ItsEndIsSaidOnceToWhoKnewOfIt) {
  report_->SayGone(kGone);
  EXPECT_THAT(sink_.Take(), IsEmpty());
  report_->OnReady(Child(7));
  EXPECT_TRUE(report_->OnExited());
  EXPECT_FALSE(report_->OnExited());
  report_->SayGone(kGone);
  report_->SayGone(kGone);
  EXPECT_THAT(sink_.Take(), ElementsAre("ready 7", "down child_exited"));
}

TEST_F(ChildReportTest, WhoWaitsForAChildHearsThatNobodyKnows) {
  report_->SayUnknown(kGone, /*somebody_waits=*/false);
  EXPECT_THAT(sink_.Take(), IsEmpty());
  report_->SayUnknown(kGone, /*somebody_waits=*/true);
  EXPECT_THAT(sink_.Take(), ElementsAre("down child_exited"));
}

TEST_F(ChildReportTest, RequestsAreSaidWithHowToAnswerUntilTheyAreAnswered) {
  report_->OnAsked(Request("req-12345678"));
  EXPECT_THAT(sink_.Take(),
              ElementsAre("1 requests", StartsWith("progress: claude waits for a permission")));
  report_->OnAnswered("another");
  EXPECT_THAT(sink_.Take(), IsEmpty());
  report_->OnAnswered("req-12345678");
  EXPECT_THAT(sink_.Take(), ElementsAre("0 requests", "progress: claude goes on"));
}

TEST_F(ChildReportTest, WhatAHostSaysAtAContactTakesThePlaceOfWhatWasKnown) {
  report_->OnAttached({});
  EXPECT_THAT(sink_.Take(), IsEmpty());
  report_->OnAsked(Request("one"));
  sink_.Take();
  report_->OnAttached({});
  EXPECT_THAT(sink_.Take(), ElementsAre("0 requests"));
}

TEST_F(ChildReportTest, NobodyIsAskedMoreThanTheBoundsAllow) {
  RequestList requests;
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(requests.Add(Request(absl::StrCat("r", i)), ""));
  EXPECT_FALSE(requests.Add(Request("one-too-many"), ""));
  EXPECT_TRUE(requests.Clear());
  EXPECT_FALSE(requests.Clear());
  EXPECT_FALSE(requests.Add(Request("no id, since it has blanks"), ""));
  v1::PendingRequest large = Request("large");
  large.set_json(std::string((256 << 10) + 1, 'x'));
  EXPECT_FALSE(requests.Add(large, ""));
  large.mutable_json()->pop_back();
  EXPECT_TRUE(requests.Add(large, ""));
}

TEST_F(ChildReportTest, ASinkMayEndIt) {
  report_->OnAsked(Request("one"));
  sink_.on_heard = [this] { report_.reset(); };
  EXPECT_FALSE(report_->ForgetRequests());
}

}  // namespace
}  // namespace iris
