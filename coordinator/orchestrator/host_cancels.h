#ifndef IRIS_COORDINATOR_ORCHESTRATOR_HOST_CANCELS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_HOST_CANCELS_H_

#include <string>
#include <utility>
#include <vector>

#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// What hosts are to hear of tells that were cancelled, in this life of the coordinator or a later
// one: noted in the store, and owed until there is a way to the host. Lives on the coordinator's
// loop.
class HostCancels {
 public:
  // Both outlive this.
  HostCancels(StoreQueue& store, Settling& settling) : store_(store), settling_(settling) {}
  HostCancels(const HostCancels&) = delete;
  HostCancels& operator=(const HostCancels&) = delete;

  // Where this life ends before the host has heard of it, the next one says it. What cannot be
  // stored is logged.
  void Note(const AcceptedTell& tell);
  void OnHeard(const std::string& id_on_host);
  // Ends a tell that is not under way here. Where its host may have it that hears of it, by
  // `session`; null: there is no way yet, and it is owed.
  void EndQueued(const AcceptedTell& tell, PooledSession* session);
  // Noted by an earlier life.
  void Owe(Store::PendingCancel cancel) { owed_.push_back(std::move(cancel)); }
  // There is a way: the session passes on what is owed to its host.
  void PassOn(PooledSession& session);
  // A later life passes them on.
  void Forget() { owed_.clear(); }

 private:
  void Owe(const AcceptedTell& tell);

  StoreQueue& store_;
  Settling& settling_;
  std::vector<Store::PendingCancel> owed_;  // Oldest first.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_HOST_CANCELS_H_
