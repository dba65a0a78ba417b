#ifndef IRIS_COORDINATOR_LINK_TESTING_LINK_RECORDER_H_
#define IRIS_COORDINATOR_LINK_TESTING_LINK_RECORDER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/link.h"
#include "gtest/gtest.h"

namespace iris {

// Keeps what a link says, for a test thread to wait for: "up", "down dropped, retries",
// "down auth". Thread-safe.
class LinkRecorder final : public LinkObserver {
 public:
  void OnLinkProgress(const ConnectProgress&) override {}
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override {
    EXPECT_NE(life, nullptr);
    Heard("up");
  }
  void OnLinkDown(const absl::Status& why, bool retries) override {
    Heard(absl::StrCat("down ", KindName(KindOf(why)), retries ? ", retries" : ""));
    if (on_down) on_down();
  }

  std::vector<std::string> heard() {
    absl::MutexLock lock(&mutex_);
    return heard_;
  }
  // Everything, once something has been said `count` times; within a minute, or the test fails.
  std::vector<std::string> WaitFor(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return heard_.size() >= count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Minutes(1)));
    return heard_;
  }

  std::function<void()> on_down;  // On the loop, after it was kept.

 private:
  void Heard(std::string what) {
    absl::MutexLock lock(&mutex_);
    heard_.push_back(std::move(what));
  }

  absl::Mutex mutex_;
  std::vector<std::string> heard_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TESTING_LINK_RECORDER_H_
