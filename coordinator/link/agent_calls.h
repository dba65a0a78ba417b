#ifndef IRIS_COORDINATOR_LINK_AGENT_CALLS_H_
#define IRIS_COORDINATOR_LINK_AGENT_CALLS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link.h"
#include "proto/iris/v1/agent.pb.h"

// What is asked of an agent as a whole, whichever sessions it has. On the loop, as the answers.

namespace iris {

// Two links lead to one agent where this is the same: an account has one at a socket, in one pid
// namespace of one boot of a host. (Two clones that run may have one host id, and never one boot.)
// Its pid and incarnation change with an upgrade, and hellos may be old.
std::string AgentOf(const v1::Hello& hello);

// What it holds; nothing where it does not answer within 1 s. `link_id` is the caller's to set.
void AskHost(const std::shared_ptr<LinkLife>& life,
             std::function<void(absl::optional<HostReport>)> done);

// What sessions it has, and whose they are, within 15 s.
void ListSessions(const std::shared_ptr<LinkLife>& life, AgentChannel::Done<v1::ListResponse> done);

// Has it end its sessions and leave, within 15 s, as `request` asks for it.
void EndAgent(const std::shared_ptr<LinkLife>& life, const v1::ShutdownRequest& request,
              AgentChannel::Done<v1::ShutdownResponse> done);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_AGENT_CALLS_H_
