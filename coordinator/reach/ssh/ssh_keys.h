#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_KEYS_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_KEYS_H_

#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"

namespace iris {

// The keys of remoteOptions that hosts behind ssh have alone, in the order of the document. How
// they reach ssh's command line: ConnectArgv().
absl::Span<const Key> SshKeys();

// Those of iris-mcp's that ssh makes needless.
absl::Span<const RefusedKey> SshRefusedKeys();

// What remoteOptions say, as ssh needs it.
struct SshOptions {
  enum class LinkMode {
    kAuto,     // A forward; where there is none, the ssh session's own stdin and stdout.
    kForward,  // A forward or nothing.
    kStdio,    // No forward is asked for.
  };

  std::string identity;   // Absolute path on this machine; empty = ssh chooses.
  std::string agent_dir;  // As in RemoteOptions.
  int port = 0;           // 0 = ssh chooses.
  absl::optional<bool> strict_host_key_checking;  // Unset = ssh chooses. False: accept-new.
  absl::optional<bool> forward_agent = {};        // Unset = ssh chooses.
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration server_alive_interval = absl::Seconds(30);  // Whole seconds.
  int server_alive_count_max = 3;
  LinkMode link_mode = LinkMode::kAuto;

  friend bool operator==(const SshOptions&, const SshOptions&) = default;
};
SshOptions SshOptionsOf(const RemoteOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_KEYS_H_
