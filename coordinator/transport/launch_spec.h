#ifndef IRIS_COORDINATOR_TRANSPORT_LAUNCH_SPEC_H_
#define IRIS_COORDINATOR_TRANSPORT_LAUNCH_SPEC_H_

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How the claude of `team` is to be started for the caller `from`, on the host that said `hello`.
v1::LaunchSpec LaunchSpecFor(const Team& team, absl::string_view from, const v1::Hello& hello);

// Names the link in `spec` where the SSH_AUTH_SOCK there is what its connection, which began with
// `hello`, lends. `identity`: as LinkLife has it.
void NameLink(const std::string& identity, const v1::Hello& hello, v1::LaunchSpec& spec);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_LAUNCH_SPEC_H_
