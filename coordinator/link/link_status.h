#ifndef IRIS_COORDINATOR_LINK_LINK_STATUS_H_
#define IRIS_COORDINATOR_LINK_LINK_STATUS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/link_machine.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

// A link as `iris status` shows it.
namespace iris {

// "local", "forward", "stdio".
absl::string_view LinkModeName(LinkMode mode);
v1::LinkStatus::State ToProto(LinkState state);
// The agent at its other end, in the words of its host.
void ShowAgent(const v1::Hello& hello, v1::LinkStatus& status);
void ShowFacts(const std::vector<LinkFact>& facts, v1::LinkStatus& status);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_STATUS_H_
