#ifndef IRIS_AGENT_APP_BUILD_INFO_H_
#define IRIS_AGENT_APP_BUILD_INFO_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace iris {

// What a build of the agent says of itself.
struct BuildInfo {
  std::string version;        // "0.1.0"
  uint32_t number = 0;        // Orders builds.
  uint32_t handover_min = 0;  // Formats of a handover that it reads (agent/handover).
  uint32_t handover_max = 0;
};

// What `iris-agent version` prints: "iris-agent 0.1.0 build 2 handover 1-1", without a newline.
std::string VersionLine(uint32_t build_number);
// FAILURE_VERSION: no such line. Lines of later builds may go on.
absl::StatusOr<BuildInfo> ParseVersionLine(absl::string_view line);

// Looks at the file `program` and runs `program version`. Blocks, until `deadline` at most.
// FAILURE_BAD_REQUEST: not an absolute path. FAILURE_PERMISSION_DENIED: it or its directory belongs
// to somebody else or can be written by others. FAILURE_NOT_EXECUTABLE: it does not run, fails, or
// says nothing in time. FAILURE_VERSION: what it says is no version.
absl::StatusOr<BuildInfo> CheckBuild(const std::string& program, absl::Time deadline);

}  // namespace iris

#endif  // IRIS_AGENT_APP_BUILD_INFO_H_
