#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_REMOTE_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_REMOTE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/reach/reach.h"
#include "coordinator/reach/ssh/ssh_keys.h"

namespace iris {

// Reads `ssh [OPTIONS] [USER@]HOST`, as ParseRemoteCommand() and ReconcileRemoteOptions() do it.
class SshRemoteReader final : public RemoteReader {
 public:
  // Every word: what is no program of ssh's is refused by Read(), which says how to write it.
  bool Reads(absl::string_view) const override { return true; }
  absl::Span<const Key> keys() const override { return SshKeys(); }
  absl::Span<const RefusedKey> refused_keys() const override { return SshRefusedKeys(); }
  absl::Status Read(const RemoteText& text, RemoteWay& way) const override;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_REMOTE_H_
