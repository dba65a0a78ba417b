#include "coordinator/reach/ssh/ssh_remote.h"

#include <utility>

#include "absl/status/statusor.h"
#include "coordinator/reach/ssh/remote_command.h"
#include "coordinator/reach/ssh/remote_options.h"

namespace iris {

absl::Status SshRemoteReader::Read(const RemoteText& text, RemoteWay& way) const {
  absl::StatusOr<ParsedRemote> parsed = ParseRemoteCommand(text.text, text.allowed, text.home);
  if (!parsed.ok()) return parsed.status();
  parsed->command.written = std::move(way.remote.written);
  way.remote = std::move(parsed->command);
  if (text.given == nullptr) return absl::OkStatus();
  return ReconcileRemoteOptions(parsed->settings, *text.given, text.home, &way.options);
}

}  // namespace iris
