#ifndef IRIS_COORDINATOR_TRANSPORT_LAUNCH_SPEC_H_
#define IRIS_COORDINATOR_TRANSPORT_LAUNCH_SPEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How the claude of `team` is to be started for the caller `from`, on the host that said `hello`.
//
// Its environment: that of the host's bridge, or of a team on this machine the asker's, or where
// nobody asks the coordinator's own; over it what passEnv names of the asker's; over that `env`,
// where an empty value takes a variable out. Unset where nobody knows the first of these and the
// configuration adds nothing: then the agent's own counts. An agent before build 6 gets none, since
// it would write it to its disk.
v1::LaunchSpec LaunchSpecFor(const Team& team, absl::string_view from, const v1::Hello& hello);

// FAILURE_VERSION: `env` or passEnv is configured, and the agent that said `hello` is too old to
// take them.
absl::Status CheckAgentTakes(const Team& team, const v1::Hello& hello);

// What there is to say of the environment in `spec`, which LaunchSpecFor() made of `team`.
EnvironmentNames NamesIn(const v1::LaunchSpec& spec, const Team& team);

// What is being done, for whoever waits for it: a claude is started with this environment.
std::string StartText(const EnvironmentNames& environment);

// Names the link in `spec` where the SSH_AUTH_SOCK there is what its connection, which began with
// `hello`, lends. `identity`: as LinkLife has it.
void NameLink(const std::string& identity, const v1::Hello& hello, v1::LaunchSpec& spec);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_LAUNCH_SPEC_H_
