#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LINE_ORDER_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LINE_ORDER_H_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "common/log/check.h"

namespace iris {

// The order of one session's tells, by their ids: the one that is in flight, and those that wait
// behind it, oldest first.
//
//   PushBack() ──▶ [ waiting | waiting ] ── StartFirst() ──▶ in flight ── End()
//                       ▲─────────── TakeBack(), PutBack() ────────┘
//
// Not thread-safe.
class LineOrder {
 public:
  // Until its end is stored. Empty: none.
  const std::string& in_flight() const { return in_flight_; }
  bool is_busy() const { return !in_flight_.empty(); }
  const std::deque<std::string>& waiting() const { return waiting_; }
  bool any_waits() const { return !waiting_.empty(); }
  // Of those that wait.
  bool IsFirst(const std::string& tell_id) const {
    return any_waits() && waiting_.front() == tell_id;
  }
  size_t size() const { return waiting_.size() + (is_busy() ? 1 : 0); }
  // Those that go before one that waits; none where it does not.
  std::vector<std::string> AheadOf(const std::string& tell_id) const {
    std::vector<std::string> ahead;
    const auto at = std::find(waiting_.begin(), waiting_.end(), tell_id);
    if (at == waiting_.end()) return ahead;
    if (is_busy()) ahead.push_back(in_flight_);
    ahead.insert(ahead.end(), waiting_.begin(), at);
    return ahead;
  }

  void PushBack(const std::string& tell_id) { waiting_.push_back(tell_id); }
  // The first that waits goes to its host; none is in flight.
  void StartFirst() {
    Check(!is_busy() && any_waits(), "a message is started that is not the next one");
    in_flight_ = std::move(waiting_.front());
    waiting_.pop_front();
  }
  // One that an earlier life has given to its host; none is in flight.
  void GoOnWith(const std::string& tell_id) {
    Check(!is_busy(), "two messages of a session are in flight");
    in_flight_ = tell_id;
  }
  // What is in flight is the first that waits again.
  void TakeBack() {
    Check(is_busy(), "a message is taken back that is not in flight");
    PutBack(std::string(in_flight_));
  }
  // The same, of that one; none is in flight.
  void PutBack(std::string tell_id) {
    in_flight_.clear();
    waiting_.push_front(std::move(tell_id));
  }
  // It is in flight no more, if it was.
  void End(const std::string& tell_id) {
    if (in_flight_ == tell_id) in_flight_.clear();
  }
  // Of those that wait, if it is one.
  void Remove(const std::string& tell_id) { std::erase(waiting_, tell_id); }
  // None waits any more; those that do in their place.
  std::deque<std::string> TakeWaiting() { return std::exchange(waiting_, {}); }
  void Keep(std::deque<std::string> stay) { waiting_ = std::move(stay); }
  void Clear() {
    in_flight_.clear();
    waiting_.clear();
  }

 private:
  std::string in_flight_;
  std::deque<std::string> waiting_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LINE_ORDER_H_
