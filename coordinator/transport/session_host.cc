#include "coordinator/transport/session_host.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/link/placed_agents.h"

namespace iris {
namespace {

absl::Status AnotherHost(const HostMark& before, const HostMark& now) {
  const std::string leads_to = before.name == now.name ? "another host of that name" : now.name;
  return MakeFailure(
      v1::FAILURE_WRONG_HOST,
      absl::StrCat("the message was given to ", before.name, ", and ssh leads to ", leads_to,
                   " now; what became of it there is not known"),
      "Look at what the team did there before you send it again; ~/.ssh/config says where ssh "
      "leads.");
}

absl::Status AnotherAgent(const HostMark& before, const HostMark& now) {
  return MakeFailure(
      v1::FAILURE_WRONG_HOST,
      absl::StrCat("the message was given to the agent in ", FolderOf(before.key), " on ",
                   before.name, ", and the team has the one in ", FolderOf(now.key),
                   " now; what became of it there is not known"),
      "Look at what the team did there before you send it again; remoteOptions.agentDir says in "
      "which folder its agent is.");
}

}  // namespace

absl::Status SessionHost::OnLinkUp(const v1::Hello& hello) {
  const HostMark before = std::exchange(
      host_, {.key = PlaceOf(hello), .name = absl::StrCat(hello.user(), "@", hello.hostname())});
  if (before.key == host_.key) return absl::OkStatus();
  is_stored_ = false;
  if (before.key.empty()) return absl::OkStatus();
  // Each folder of agents has an id of its own for its host: only the names say that it is one.
  const bool is_another_agent =
      before.name == host_.name && FolderOf(before.key) != FolderOf(host_.key);
  return is_another_agent ? AnotherAgent(before, host_) : AnotherHost(before, host_);
}

bool SessionHost::OnStored(const HostMark& host) {
  return host.key == host_.key && !std::exchange(is_stored_, true);
}

}  // namespace iris
