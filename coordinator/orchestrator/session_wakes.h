#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SESSION_WAKES_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SESSION_WAKES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Who wakes one session: first everybody waits for room in the pool, then for the child.
//
//   Wait() ──▶ waiting, oldest first ── AwaitChild() ──▶ for the child ── Answer() ──▶ answered
//                  └── GiveUpOldest(), CancelWaiting() ──▶ answered
//
// Whoever is answered may call any method. Not thread-safe.
class SessionWakes {
 public:
  using Done = std::function<void(const absl::StatusOr<v1::WakeResponse>&)>;

  // Returns the round, for GiveUpOldest(). `takeover`: as for Orchestrator::Wake().
  uint64_t Wait(Done done, bool takeover, SharedEnvironment environment);
  bool waiting() const { return !waiting_.empty(); }
  size_t size() const { return waiting_.size() + for_child_.size(); }
  // Of the newest that waits; null: none does.
  SharedEnvironment environment() const { return waiting() ? environment_ : nullptr; }

  // There is room: all that wait for it wait for the child now. Returns whether one of them takes
  // the session over.
  bool AwaitChild();
  // The oldest that waits; null where all that waited in that round await the child by now, or were
  // cancelled. All may wait equally long, so it is the oldest whose time is over.
  Done GiveUpOldest(uint64_t round);
  void CancelWaiting(const absl::Status& why);
  // The child answers, or does not.
  void Answer(const absl::StatusOr<v1::WakeResponse>& result);

 private:
  std::vector<Done> waiting_;
  bool takes_over_ = false;        // One of them does.
  SharedEnvironment environment_;  // Of the newest of them.
  uint64_t round_ = 0;  // How often all of them came to await the child or were cancelled.
  std::vector<Done> for_child_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SESSION_WAKES_H_
