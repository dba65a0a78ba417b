#ifndef IRIS_AGENT_APP_OPTIONS_H_
#define IRIS_AGENT_APP_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/version/version.h"

namespace iris {

// What `serve` and `bridge` are told on the command line.
struct Options {
  std::string home;  // --home DIR: an endpoint of its own (FindEndpoint()); absolute or empty.
  std::string data;  // --data DIR: where to keep what outlives the agent; absolute or empty.
  // --handed-over FD: the state of the program that this process ran before (an upgrade); -1: none.
  int handed_over = -1;
  uint32_t build_number = kBuildNumber;       // Of this program; no argument.
  absl::Duration idle_exit = absl::Hours(1);  // --idle-exit-ms N, for tests: leave after so long.
};

// `args` without the program and the command. FAILURE_BAD_REQUEST: names the argument.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args);

// The arguments that make ParseOptions() return `options`, but for what was handed over.
std::vector<std::string> ArgumentsFor(const Options& options);

}  // namespace iris

#endif  // IRIS_AGENT_APP_OPTIONS_H_
