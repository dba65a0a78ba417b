#include "coordinator/transport/session_host.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/link/placed_agents.h"

namespace iris {

absl::Status SessionHost::OnLinkUp(const v1::Hello& hello) {
  const HostMark before = std::exchange(
      host_, {.key = PlaceOf(hello), .name = absl::StrCat(hello.user(), "@", hello.hostname())});
  if (before.key == host_.key) return absl::OkStatus();
  is_stored_ = false;
  if (before.key.empty()) return absl::OkStatus();
  return MakeFailure(
      v1::FAILURE_WRONG_HOST,
      absl::StrCat("the message was given to ", before.name, ", and ssh leads to ", host_.name,
                   " now; what became of it there is not known"),
      "Look at what the team did there before you send it again; ~/.ssh/config says where ssh "
      "leads.");
}

bool SessionHost::OnStored(const HostMark& host) {
  return host.key == host_.key && !std::exchange(is_stored_, true);
}

}  // namespace iris
