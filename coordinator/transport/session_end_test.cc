#include "coordinator/transport/session_end.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

class SessionEndTest : public ::testing::Test {
 protected:
  Transport::TerminateDone Note(const std::string& who) {
    return [this, who](const absl::StatusOr<bool>& was_running) {
      heard_.push_back(who + (!was_running.ok() ? " fails" : *was_running ? " ran" : " ran not"));
    };
  }
  void Pass(absl::Duration time) {
    now_ += time;
    while (loop_.RunReady()) {
    }
  }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  std::unique_ptr<SessionEnd> end_ = std::make_unique<SessionEnd>(loop_);
  std::vector<std::string> heard_;
};

TEST_F(SessionEndTest, AllWhoAskedHearOfIt) {
  EXPECT_TRUE(end_->Ask(Note("one")));
  EXPECT_FALSE(end_->Ask(Note("two")));
  end_->OnAnswer(true);
  EXPECT_TRUE(end_->Finish(true));
  EXPECT_THAT(heard_, ElementsAre("one ran", "two ran"));
  EXPECT_FALSE(end_->asked());
  EXPECT_FALSE(end_->was_running().has_value());
}

TEST_F(SessionEndTest, ACloseThatWasNotAnsweredMayStillCome) {
  EXPECT_FALSE(end_->may_still_come());
  end_->OnCloseSent();
  EXPECT_TRUE(end_->may_still_come());
  end_->OnCloseAnswered();
  EXPECT_FALSE(end_->may_still_come());
  end_->OnCloseSent();
  end_->OnNewLease();
  EXPECT_FALSE(end_->may_still_come());
}

TEST_F(SessionEndTest, WhatTheStreamDoesNotSayIsWaitedForOnlyForAWhile) {
  int late = 0;
  end_->Ask(Note("one"));
  end_->WaitForStream(absl::Seconds(3), [&late] { ++late; });
  Pass(absl::Seconds(2));
  EXPECT_EQ(late, 0);
  Pass(absl::Seconds(1));
  EXPECT_EQ(late, 1);
}

TEST_F(SessionEndTest, NobodyIsLateOnceItIsOver) {
  int late = 0;
  end_->Ask(Note("one"));
  end_->WaitForStream(absl::Seconds(3), [&late] { ++late; });
  end_->Finish(false);
  Pass(absl::Minutes(1));
  EXPECT_EQ(late, 0);
  EXPECT_THAT(heard_, ElementsAre("one ran not"));
}

TEST_F(SessionEndTest, OneWhoHearsOfItMayEndAllThis) {
  end_->Ask([this](const absl::StatusOr<bool>&) { end_.reset(); });
  end_->Ask(Note("two"));
  EXPECT_FALSE(end_->Finish(MakeFailure(v1::FAILURE_DROPPED, "gone")));
  EXPECT_TRUE(heard_.empty());
}

}  // namespace
}  // namespace iris
