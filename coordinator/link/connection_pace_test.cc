#include "coordinator/link/connection_pace.h"

#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

class ConnectionPaceTest : public ::testing::Test {
 protected:
  std::vector<absl::Duration> Take(int count) {
    std::vector<absl::Duration> waits;
    for (int i = 0; i < count; ++i) waits.push_back(pace_.Take());
    return waits;
  }

  absl::Duration now_ = absl::ZeroDuration();  // Any beginning will do.
  ConnectionPace pace_{[this] { return now_; }};
};

TEST_F(ConnectionPaceTest, ThreeMayStartAtOnceAndTheOthersWaitInLine) {
  const absl::Duration none = absl::ZeroDuration();
  const absl::Duration second = absl::Seconds(1);
  EXPECT_THAT(Take(7), ElementsAre(none, none, none, second, second, second, 2 * second));
}

TEST_F(ConnectionPaceTest, WhoComesNowAndThenNeverWaits) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(pace_.Take(), absl::ZeroDuration());
    now_ += absl::Milliseconds(334);
  }
}

TEST_F(ConnectionPaceTest, NoSecondHasMoreThanThree) {
  std::vector<absl::Duration> starts;
  for (int i = 0; i < 50; ++i) {
    starts.push_back(now_ + pace_.Take());
    now_ += absl::Milliseconds(i * 37 % 500);
  }
  for (size_t i = 3; i < starts.size(); ++i) {
    EXPECT_GE(starts[i] - starts[i - 3], absl::Seconds(1)) << i;
  }
}

}  // namespace
}  // namespace iris
