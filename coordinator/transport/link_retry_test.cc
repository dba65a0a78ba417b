#include "coordinator/transport/link_retry.h"

#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class LinkRetryTest : public ::testing::Test {
 protected:
  // How often it was tried within that time.
  int TriesIn(absl::Duration time) {
    const int before = tries_;
    now_ += time;
    while (loop_.RunReady()) {
    }
    return tries_ - before;
  }

  absl::Duration now_ = absl::Hours(1);
  int tries_ = 0;
  EventLoop loop_{[this] { return now_; }};
  LinkRetry retry_{loop_, [this] { ++tries_; }};
};

TEST_F(LinkRetryTest, TheWaitsGrowToALimit) {
  for (const absl::Duration wait : {LinkRetry::kFirst, 2 * LinkRetry::kFirst, 4 * LinkRetry::kFirst,
                                    LinkRetry::kLongest, LinkRetry::kLongest}) {
    retry_.Later();
    EXPECT_EQ(TriesIn(wait - absl::Seconds(1)), 0) << wait;
    EXPECT_EQ(TriesIn(absl::Seconds(1)), 1) << wait;
  }
}

TEST_F(LinkRetryTest, WhoAsksMeanwhileDoesNotPutItOff) {
  retry_.Later();
  TriesIn(LinkRetry::kFirst / 2);
  retry_.Later();
  EXPECT_EQ(TriesIn(LinkRetry::kFirst / 2), 1);
}

TEST_F(LinkRetryTest, ItBeginsWithTheFirstWaitAfterAReset) {
  retry_.Later();
  TriesIn(LinkRetry::kFirst);
  retry_.Reset();
  retry_.Later();
  EXPECT_EQ(TriesIn(LinkRetry::kFirst), 1);
}

TEST_F(LinkRetryTest, ALoginThatMayBeMadeSoonerComesInItsPlace) {
  retry_.Later();
  retry_.In(absl::Seconds(5));
  EXPECT_EQ(TriesIn(absl::Seconds(5)), 1);
  EXPECT_EQ(TriesIn(absl::Hours(1)), 0);
}

TEST_F(LinkRetryTest, WhatIsCancelledIsNotTried) {
  retry_.Later();
  retry_.Cancel();
  EXPECT_EQ(TriesIn(absl::Hours(1)), 0);
}

}  // namespace
}  // namespace iris
