#ifndef IRIS_COORDINATOR_LINK_LINK_TABLE_H_
#define IRIS_COORDINATOR_LINK_LINK_TABLE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The one link to every host. Teams whose `remote` resolves to the same target share it. Lives on the
// coordinator's loop.
class LinkTable {
 public:
  virtual ~LinkTable() = default;  // Drops every link.

  // The team's link, down until asked to connect. Valid as long as the table.
  virtual Link& ForTeam(const Team& team) = 0;

  // For `iris status`.
  virtual std::vector<v1::LinkStatus> Status() const = 0;

  // Asks the agent of every link that is up to end its sessions and leave. `done` gets how many did and
  // one text for each that did not, within 15 s.
  virtual void StopAgents(
      absl::AnyInvocable<void(int stopped, std::vector<std::string> problems)> done) = 0;

  // SSH_AUTH_SOCK and the like of the newest front end, for connections made from now on.
  virtual void Lend(const std::map<std::string, std::string>& env) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_TABLE_H_
