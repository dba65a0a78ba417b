#ifndef IRIS_AGENT_APP_OPTIONS_H_
#define IRIS_AGENT_APP_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace iris {

// What `serve` and `bridge` are told on the command line.
struct Options {
  std::string home;  // --home DIR: an endpoint of its own (FindEndpoint()); absolute or empty.
  std::string data;  // --data DIR: where to keep what outlives the agent; absolute or empty.
  absl::Duration idle_exit = absl::Hours(1);  // --idle-exit-ms N, for tests: leave after so long.
};

// `args` without the program and the command. FAILURE_BAD_REQUEST: names the argument.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args);

// The arguments that make ParseOptions() return `options`.
std::vector<std::string> ArgumentsFor(const Options& options);

}  // namespace iris

#endif  // IRIS_AGENT_APP_OPTIONS_H_
