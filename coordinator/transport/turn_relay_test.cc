#include "coordinator/transport/turn_relay.h"

#include <memory>
#include <string>

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
using Kind = SessionNews::Kind;

class TurnRelayTest : public ::testing::Test {
 protected:
  void Start(const ReadMark& after = {}) {
    relay_ = std::make_unique<TurnRelay>(loop_, tells_, SessionKey{}, after, sink_,
                                         /*budget=*/nullptr);
  }
  void Tell(const std::string& id) { tells_.Add({.id = id, .text = ""}); }
  void Say(Kind kind, const std::string& id, const std::string& text = "") {
    SessionNews item{.kind = kind, .tell_id = id, .text = text};
    relay_->Apply(item);
  }
  void Settle(const std::string& id, const absl::Status& outcome = absl::OkStatus()) {
    SessionNews item{.kind = Kind::kSettled, .tell_id = id, .outcome = outcome};
    item.structured_bytes = 2;
    relay_->Apply(item);
  }
  void Does(const std::string& id, const std::string& tool, const std::string& words) {
    SessionNews item{.kind = Kind::kDoing, .tell_id = id};
    item.doing.tool.name = tool;
    item.doing.words = words;
    relay_->Apply(item);
  }
  void Pass(absl::Duration time) {
    now_ += time;
    while (loop_.RunReady()) {
    }
  }
  bool ReadUpTo(uint64_t seq, const std::string& in_flight = "") {
    return relay_->OnRead({.mark = {.journal_id = "j", .seq = seq, .in_flight = in_flight}},
                          {.key = "gpu1"});
  }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  PendingTells tells_;
  SinkRecorder sink_;
  std::unique_ptr<TurnRelay> relay_;
};

TEST_F(TurnRelayTest, ATurnIsPassedOnFromItsBeginningToItsEnd) {
  Start();
  Tell("a");
  Say(Kind::kWritten, "a");
  Say(Kind::kText, "a", "hello");
  Settle("a");
  EXPECT_THAT(sink_.Take(), ElementsAre("progress: claude has the message", "a says hello",
                                        "a has structured 2", "a settled ok"));
  EXPECT_TRUE(tells_.empty());
}

TEST_F(TurnRelayTest, ATurnThatNobodyWaitedForFromItsBeginningIsNotPassedOn) {
  Start();
  Say(Kind::kWritten, "a");
  Tell("a");
  Say(Kind::kText, "a", "the end of it");
  Settle("a");
  EXPECT_THAT(sink_.Take(), ElementsAre("a settled ambiguous"));
}

TEST_F(TurnRelayTest, WhatNobodyWaitsForIsNotInTheMark) {
  Start();
  Say(Kind::kWritten, "a");
  EXPECT_TRUE(ReadUpTo(5, "a"));
  EXPECT_EQ(relay_->mark().in_flight, "");
  EXPECT_EQ(relay_->mark().seq, 5u);
  EXPECT_EQ(relay_->mark().host.key, "gpu1");
}

TEST_F(TurnRelayTest, TheMarkNamesTheTellThatHasBegun) {
  Start();
  Tell("a");
  Say(Kind::kWritten, "a");
  ReadUpTo(5, "a");
  EXPECT_EQ(relay_->mark().in_flight, "a");
  EXPECT_EQ(relay_->mark().begun, "a");
  EXPECT_FALSE(ReadUpTo(5, "a"));  // Nothing new.
}

TEST_F(TurnRelayTest, ATellThatIsWrittenOnceMoreBeginsAnew) {
  Start();
  Tell("a");
  Say(Kind::kWritten, "a");
  Say(Kind::kText, "a", "half");
  sink_.Take();
  Say(Kind::kWritten, "a");
  EXPECT_THAT(sink_.Take(), ElementsAre("a begins anew", "progress: claude has the message"));
}

TEST_F(TurnRelayTest, AnotherToolIsSaidAtOnceAndWordsNowAndThen) {
  Start();
  Tell("a");
  Say(Kind::kWritten, "a");
  sink_.Take();
  Does("a", "Bash", "");
  Does("a", "Bash", "one");
  Does("a", "Bash", "two");
  EXPECT_THAT(sink_.Take(), ElementsAre("progress: runs Bash"));
  Pass(TurnProgress::kApart);
  EXPECT_THAT(sink_.Take(), ElementsAre("progress: runs Bash, says two"));
  Does("a", "Read", "two");
  EXPECT_THAT(sink_.Take(), ElementsAre("progress: runs Read, says two"));
}

TEST_F(TurnRelayTest, NothingIsSaidOfATurnThatIsOver) {
  Start();
  Tell("a");
  Say(Kind::kWritten, "a");
  Does("a", "Bash", "");
  Does("a", "Bash", "one");
  Settle("a");
  sink_.Take();
  Pass(absl::Minutes(1));
  EXPECT_THAT(sink_.Take(), IsEmpty());
}

TEST_F(TurnRelayTest, AllAreSettledUnlessASinkEndsIt) {
  Start();
  Tell("a");
  Tell("b");
  const absl::Status why = MakeFailure(v1::FAILURE_DROPPED, "gone");
  EXPECT_TRUE(relay_->SettleAll(why));
  EXPECT_THAT(sink_.Take(), ElementsAre("a settled dropped", "b settled dropped"));
  Tell("c");
  Tell("d");
  sink_.on_heard = [this] { relay_.reset(); };
  EXPECT_FALSE(relay_->SettleAll(why));
  EXPECT_THAT(sink_.Take(), ElementsAre("c settled dropped"));
}

TEST_F(TurnRelayTest, HalfALineIsForgottenAndTheMarkStays) {
  Start();
  ReadPoint point{.mark = {.journal_id = "j", .seq = 3}, .seq = 7};
  point.line_bytes = 100;
  relay_->OnRead(point, {});
  relay_->ForgetHalfLine();
  EXPECT_EQ(relay_->point().line_bytes, 0u);
  EXPECT_EQ(relay_->mark().seq, 3u);
}

}  // namespace
}  // namespace iris
