#ifndef IRIS_COORDINATOR_ORCHESTRATOR_FETCHED_MARKS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_FETCHED_MARKS_H_

#include <set>
#include <string>

#include "common/base/alive_flag.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// Outcomes that somebody was given and took. The store hears of them a moment later; until then
// this knows. Lives on the coordinator's loop.
class FetchedMarks {
 public:
  // `store` outlives this.
  explicit FetchedMarks(StoreQueue& store) : store_(store) {}
  FetchedMarks(const FetchedMarks&) = delete;
  FetchedMarks& operator=(const FetchedMarks&) = delete;

  // What fails is logged: then it is only offered again.
  void Mark(const std::string& tell_id);
  // The store does not know it yet.
  bool IsBeingMarked(const std::string& tell_id) const { return marking_.count(tell_id) > 0; }

 private:
  StoreQueue& store_;
  std::multiset<std::string> marking_;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_FETCHED_MARKS_H_
