#ifndef IRIS_COORDINATOR_REACH_SSH_REMOTE_COMMAND_H_
#define IRIS_COORDINATOR_REACH_SSH_REMOTE_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"

namespace iris {

// One setting that `remote` makes, whether as -p 22, -o Port=22 or ssh://host:22.
struct SshSetting {
  std::string keyword;  // ssh_config's, lower case.
  std::string value;    // Without surrounding quotes.
};

struct ParsedRemote {
  RemoteCommand command;
  std::vector<SshSetting> settings;  // In the order in which ssh reads them: the first one counts.
};

// Takes a team's `remote` apart as ssh would (options may also follow the destination). `text` has
// its variables expanded. Its first word must be "ssh" or, letter by letter, one of `allowed`;
// `home` is what ~/ stands for on this machine. FAILURE_BAD_REQUEST, each with its fix: what
// SplitShellWords() refuses; a program that is not allowed, or belongs to a kind of link that is
// not built yet; an option that Iris sets itself or cannot work with (docs/CONFIG.md lists them);
// no destination; a command after it.
absl::StatusOr<ParsedRemote> ParseRemoteCommand(absl::string_view text,
                                                absl::Span<const std::string> allowed,
                                                absl::string_view home);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_REMOTE_COMMAND_H_
