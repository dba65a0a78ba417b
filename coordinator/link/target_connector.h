#ifndef IRIS_COORDINATOR_LINK_TARGET_CONNECTOR_H_
#define IRIS_COORDINATOR_LINK_TARGET_CONNECTOR_H_

#include <functional>
#include <memory>

#include "common/environment/environment.h"
#include "coordinator/link/connection_pace.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/fresh_answer.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/link/target.h"

namespace iris {

// To a team's host: to the one that `resolved` means. A Connect() goes by `answer`, where that is
// fresh. Else it asks again what the target means, with what `lent_env` gives then, and connects
// with that; where it is something else by now it goes no further: `on_moved` is called, on the
// connecting thread, and FAILURE_CANCELLED returned. Nor does it where a login that was refused is
// not long ago (LoginBar): then it returns how that failed. Before it connects it waits for its
// turn (ConnectionPace).
struct TargetConnectorOptions {
  std::function<Environment()> lent_env;
  std::function<void()> on_moved;
  std::shared_ptr<FreshAnswer> answer;   // With the key of `resolved`.
  std::shared_ptr<LoginBar> bar;         // Of all connections with the key of `resolved`.
  std::shared_ptr<ConnectionPace> pace;  // Of all connections of this process.
};
std::unique_ptr<Connector> MakeTargetConnector(ResolvedTarget resolved,
                                               TargetConnectorOptions options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TARGET_CONNECTOR_H_
