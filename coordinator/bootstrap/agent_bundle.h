#ifndef IRIS_COORDINATOR_BOOTSTRAP_AGENT_BUNDLE_H_
#define IRIS_COORDINATOR_BOOTSTRAP_AGENT_BUNDLE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// One static agent, ready to be put on a host.
struct AgentBuild {
  std::string arch;    // As `uname -m` says it: x86_64, aarch64.
  std::string path;    // The program, for running it here.
  std::string sha256;  // Of the program, 64 lower-case hex digits.
  std::string gzip;    // gzip -9 of it.
};

// The agent builds that this coordinator can install. Looked for, in this order: `settings.agentBundle` (a directory with
// iris-agent-ARCH or iris-agent files), beside the coordinator's own program as bazel-bin lays them
// out (../agent/iris-agent), in the same directory, and under ../lib/iris of the install prefix. The architecture
// is read from the ELF header. Digest and gzip are made on first use and kept. Thread-safe.
class AgentBundle {
 public:
  // `directories` are searched in order; see DefaultBundleDirectories().
  static std::unique_ptr<AgentBundle> Find(std::vector<std::string> directories);
  virtual ~AgentBundle() = default;

  // FAILURE_NO_AGENT_POSSIBLE: no build for `arch`; says which there are and where it looked.
  virtual absl::StatusOr<const AgentBuild*> ForArch(absl::string_view arch) const = 0;
  // The build for this machine, to run local teams.
  virtual absl::StatusOr<const AgentBuild*> ForThisMachine() const = 0;
};

// `agent_bundle` is settings.agentBundle or empty; `program` this program's absolute path.
std::vector<std::string> DefaultBundleDirectories(const std::string& agent_bundle,
                                                  const std::string& program);

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_AGENT_BUNDLE_H_
