#ifndef IRIS_COORDINATOR_LINK_CONNECTORS_H_
#define IRIS_COORDINATOR_LINK_CONNECTORS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "coordinator/link/connection_pace.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/fresh_answer.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/ssh/resolve_target.h"
#include "coordinator/reach/ssh/ssh_connect.h"

namespace iris {

// The agent on this machine: its UNIX socket; starts it from the bundle if none answers.
// `iris_home` is empty or the value of IRIS_HOME, which moves the local agent too.
std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home);

// The agent on a team's host, over ssh: on the one that `resolved` means. A Connect() goes by
// `answer`, where that is fresh. Else it asks again what the target means, with what `lent_env`
// gives then, and ssh runs with that; where it is something else by now it goes no further:
// `on_moved` is called, on the connecting thread, and FAILURE_CANCELLED returned. Nor does it where
// a login that was refused is not long ago (LoginBar): then it returns how that failed. Before ssh
// is started it waits for its turn (ConnectionPace).
struct SshConnectorOptions {
  std::function<std::string()> runtime_dir;  // As in BootstrapOptions; asked at every Connect().
  std::function<Environment()> lent_env;
  std::function<absl::StatusOr<ResolvedTarget>(const SshTarget&, const std::atomic<bool>*)> resolve;
  std::function<void()> on_moved;
  std::shared_ptr<FreshAnswer> answer;   // With the key of `resolved`.
  std::shared_ptr<LoginBar> bar;         // Of all connections with the key of `resolved`.
  std::shared_ptr<ConnectionPace> pace;  // Of all connections of this process.
};
std::unique_ptr<Connector> MakeSshConnector(const AgentBundle& bundle, ResolvedTarget resolved,
                                            SshConnectorOptions options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CONNECTORS_H_
