#ifndef IRIS_COORDINATOR_REACH_SHELL_AGENT_BUNDLE_H_
#define IRIS_COORDINATOR_REACH_SHELL_AGENT_BUNDLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// One static agent, ready to be put on a host.
struct AgentBuild {
  std::string arch;    // As Linux's `uname -m` says it: one of kAgentArchs.
  std::string path;    // The program, for running it here.
  std::string sha256;  // Of the program, 64 lower-case hex digits.
  uint64_t bytes = 0;  // The program's size.
};

// The architectures that an agent can be built for.
inline constexpr absl::string_view kAgentArchs[] = {"x86_64", "aarch64", "riscv64"};

// The agent builds that this coordinator can install: files iris-agent-ARCH or iris-agent in a list
// of directories, of which the first of an architecture counts. The architecture is read from the
// ELF header. Digests and packed forms are made or read on first use and kept. Thread-safe.
class AgentBundle {
 public:
  // Looks through `directories` in order, now; see DefaultBundleDirectories(). What is missing or
  // is no program is passed over.
  static std::unique_ptr<AgentBundle> Find(std::vector<std::string> directories);
  virtual ~AgentBundle() = default;

  // The build for hosts of architecture `arch`; lives as long as the bundle. Reads the whole file
  // the first time (tens of milliseconds).
  // FAILURE_NO_AGENT_POSSIBLE: no build for `arch`, or it cannot be read; says which builds there
  // are and where it looked.
  virtual absl::StatusOr<const AgentBuild*> ForArch(absl::string_view arch) const = 0;
  // The build for this machine, to run local teams.
  virtual absl::StatusOr<const AgentBuild*> ForThisMachine() const = 0;

  // The program's bytes. `build` is one of this bundle's.
  // FAILURE_NO_AGENT_POSSIBLE: the file is gone, or is not any more what the digest was made of
  // (somebody installed another version over a running coordinator, which has to start again).
  virtual absl::StatusOr<std::string> Bytes(const AgentBuild& build) const = 0;
  // Their gzip, kept. The one that the build made of this very program, where it lies beside it
  // (packed_agent.h); else it is made now, which takes a quarter of a second the first time. Errors
  // as of Bytes().
  virtual absl::StatusOr<const std::string*> Gzip(const AgentBuild& build) const = 0;
};

// One of each architecture that there is. Where there is none: as ForArch().
absl::StatusOr<std::vector<AgentBuild>> AllBuilds(const AgentBundle& bundle);

// Where to look, in order: `agent_bundle` (settings.agentBundle, may be empty), ../agent beside the
// directory of `program` (this program's absolute path) as bazel-bin lays it out, that directory
// itself, and ../lib/iris of an installed prefix.
std::vector<std::string> DefaultBundleDirectories(const std::string& agent_bundle,
                                                  const std::string& program);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_AGENT_BUNDLE_H_
