#ifndef IRIS_AGENT_TESTING_HELD_WORK_H_
#define IRIS_AGENT_TESTING_HELD_WORK_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/process/slow_work.h"
#include "gtest/gtest.h"

namespace iris {

// Slow work that is done when the test says so, in order; or until it says so, at once.
class HeldWork final : public SlowWork {
 public:
  explicit HeldWork(bool at_once = false) : at_once_(at_once) {}

  void Run(absl::string_view, absl::Duration, Work work, Done done) override {
    jobs_.push_back({std::move(work), std::move(done)});
    if (at_once_) DoOne();
  }
  // From now on the test says when.
  void Hold() { at_once_ = false; }
  // It is done at once again, and first what waits.
  void Resume() {
    at_once_ = true;
    DoAll();
  }

  size_t waiting() const { return jobs_.size(); }
  // The oldest is done, and heard of.
  void DoOne() {
    ASSERT_FALSE(jobs_.empty());
    Job job = Take();
    job.work();
    job.done(absl::OkStatus());
  }
  // With what comes of it.
  void DoAll() {
    while (!jobs_.empty()) DoOne();
  }
  // The oldest has not begun when it should be done.
  void BeLate() {
    ASSERT_FALSE(jobs_.empty());
    Take().done(absl::DeadlineExceededError("no answer"));
  }

 private:
  struct Job {
    Work work;
    Done done;
  };
  Job Take() {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

  bool at_once_;
  std::deque<Job> jobs_;
};

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_HELD_WORK_H_
