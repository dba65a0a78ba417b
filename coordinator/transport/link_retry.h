#ifndef IRIS_COORDINATOR_TRANSPORT_LINK_RETRY_H_
#define IRIS_COORDINATOR_TRANSPORT_LINK_RETRY_H_

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "common/loop/event_loop.h"

namespace iris {

// When a link is tried again that waits for something to be mended: rarely, since every refused
// login counts against the account. All sessions of a link count from its last attempt, so that
// theirs are one. Lives on the loop.
class LinkRetry {
 public:
  static constexpr absl::Duration kFirst = absl::Minutes(1);
  static constexpr absl::Duration kLongest = absl::Minutes(5);

  LinkRetry(EventLoop& loop, std::function<void()> try_link)
      : loop_(loop), try_link_(std::move(try_link)) {}
  ~LinkRetry() { Cancel(); }
  LinkRetry(const LinkRetry&) = delete;
  LinkRetry& operator=(const LinkRetry&) = delete;

  // Longer after each time. What others ask of the link meanwhile does not put it off.
  void Later() {
    if (timer_ != 0) return;
    wait_ = std::clamp(2 * wait_, kFirst, kLongest);
    In(wait_);
  }
  void In(absl::Duration wait) {
    Cancel();
    timer_ = loop_.After(wait, [this] {
      timer_ = 0;
      try_link_();
    });
  }
  void Cancel() { loop_.Cancel(std::exchange(timer_, 0)); }
  // Somebody may have mended it: from here on it begins with the first wait.
  void Reset() { wait_ = absl::ZeroDuration(); }

 private:
  EventLoop& loop_;
  const std::function<void()> try_link_;
  EventLoop::TimerId timer_ = 0;
  absl::Duration wait_;  // The last; zero once the link was up.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_LINK_RETRY_H_
