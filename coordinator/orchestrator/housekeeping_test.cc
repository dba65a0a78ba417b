#include "coordinator/orchestrator/housekeeping.h"

#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/testing/memory_store.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class HousekeepingTest : public ::testing::Test {
 protected:
  HousekeepingTest() {
    file_.set_on_write([this](absl::string_view method) {
      if (method == "KeepHouse") ++kept_;
      return fate_;
    });
  }
  void Pass(absl::Duration time) {
    up_ += time;
    while (loop_.RunReady()) {
    }
  }

  absl::Duration up_ = absl::Hours(1);
  EventLoop loop_{[this] { return up_; }};
  MemoryStore file_;
  MemoryStore::Fate fate_ = MemoryStore::Fate::kGoesWell;
  StoreQueue store_{loop_, file_};
  int kept_ = 0;
  int also_ = 0;
  std::unique_ptr<Housekeeping> house_ =
      std::make_unique<Housekeeping>(loop_, store_, absl::Minutes(10), [this] { ++also_; });
};

TEST_F(HousekeepingTest, ItIsDoneAgainAndAgain) {
  Pass(absl::Minutes(10) - absl::Milliseconds(1));
  EXPECT_EQ(kept_, 0);
  Pass(absl::Milliseconds(1));
  EXPECT_EQ(kept_, 1);
  EXPECT_EQ(also_, 1);
  Pass(absl::Minutes(10));
  EXPECT_EQ(kept_, 2);
  EXPECT_EQ(also_, 2);
}

TEST_F(HousekeepingTest, AStoreThatFailsIsAskedAgain) {
  fate_ = MemoryStore::Fate::kFails;
  Pass(absl::Minutes(10));
  EXPECT_EQ(also_, 1);
  Pass(absl::Minutes(10));
  EXPECT_EQ(kept_, 2);
}

TEST_F(HousekeepingTest, ItEndsWithItsOwner) {
  house_.reset();
  Pass(absl::Minutes(10));
  EXPECT_EQ(kept_, 0);
  EXPECT_EQ(also_, 0);
}

}  // namespace
}  // namespace iris
