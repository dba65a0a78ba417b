#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TELL_LISTS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TELL_LISTS_H_

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/alive_flag.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/arrivals.h"
#include "coordinator/orchestrator/fetched_marks.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What people and teams see of tells without following them: what the store has, with what is known
// of those that are open, and of those that somebody is being given. Lives on the coordinator's
// loop.
class TellLists {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<v1::ListTellsResponse>)>;

  // All outlive this.
  TellLists(StoreQueue& store, const Arrivals& arrivals, const OpenTells& tells,
            const FetchedMarks& fetched)
      : store_(store), arrivals_(arrivals), tells_(tells), fetched_(fetched) {}
  TellLists(const TellLists&) = delete;
  TellLists& operator=(const TellLists&) = delete;

  // As Orchestrator.
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id, const Caller& caller) const;
  void List(const Caller& from, bool all, Done done);
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unfetched(const Caller& from) const;

 private:
  v1::ListTellsResponse ListOf(const std::vector<StoredTellSummary>& stored, bool all) const;
  v1::TellSummary SummaryOf(const StoredTellSummary& stored) const;
  bool IsBeingFetched(const StoredTellSummary& stored) const;

  StoreQueue& store_;
  const Arrivals& arrivals_;
  const OpenTells& tells_;
  const FetchedMarks& fetched_;
  AliveFlag alive_;  // For what is being read.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TELL_LISTS_H_
