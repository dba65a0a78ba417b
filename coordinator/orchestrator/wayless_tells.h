#ifndef IRIS_COORDINATOR_ORCHESTRATOR_WAYLESS_TELLS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_WAYLESS_TELLS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/orchestrator/open_tells.h"

namespace iris {

// Open tells that stand in no line: no way to their team can be found before somebody asks who has
// the variables that the configuration names, as their senders have them, or it is mended. Lives on
// the coordinator's loop.
class WaylessTells {
 public:
  // `tells` outlives this.
  explicit WaylessTells(const OpenTells& tells) : tells_(tells) {}
  WaylessTells(const WaylessTells&) = delete;
  WaylessTells& operator=(const WaylessTells&) = delete;

  void Add(const std::string& tell_id) { ids_.push_back(tell_id); }
  // It is over. Nothing where it is not one of them.
  void Remove(const std::string& tell_id) { std::erase(ids_, tell_id); }
  bool Has(const std::string& tell_id) const;
  // Oldest first.
  const std::vector<std::string>& ids() const { return ids_; }
  // For who looks for a way for each of them: those that stay are put back, in front of what has
  // come meanwhile. Until then there are none.
  std::vector<std::string> TakeAll();
  void PutBack(std::vector<std::string> stay);
  void Clear() { ids_.clear(); }

  // So many of them are of that session, and a host may have them: what goes another way now would
  // have their conversation go on elsewhere.
  size_t GivenOf(const std::string& session_id) const;
  // FAILURE_BUSY_LIMIT: there are such.
  absl::Status CheckNoneIsGiven(const std::string& session_id) const;

 private:
  const OpenTells& tells_;
  std::vector<std::string> ids_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_WAYLESS_TELLS_H_
