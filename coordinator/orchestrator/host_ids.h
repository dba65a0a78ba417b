#ifndef IRIS_COORDINATOR_ORCHESTRATOR_HOST_IDS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_HOST_IDS_H_

#include <map>
#include <string>

#include "coordinator/orchestrator/limit_wait.h"

namespace iris {

// Which tell a host means by an id: messages that were put off are sent again under another one
// (IdOnHost()). Not thread-safe.
class HostIds {
 public:
  // The host knows the tell by the id that it has after so many waits; and does no more.
  void Note(const std::string& tell_id, int waits) {
    if (waits > 0) tells_[IdOnHost(tell_id, waits)] = tell_id;
  }
  void Forget(const std::string& tell_id, int waits) { tells_.erase(IdOnHost(tell_id, waits)); }
  void Clear() { tells_.clear(); }

  // The id itself where no other tell is known by it.
  std::string TellOf(const std::string& id_on_host) const {
    const auto found = tells_.find(id_on_host);
    return found == tells_.end() ? id_on_host : found->second;
  }

 private:
  std::map<std::string, std::string> tells_;  // By ids on hosts that differ.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_HOST_IDS_H_
