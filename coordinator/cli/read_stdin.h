#ifndef IRIS_COORDINATOR_CLI_READ_STDIN_H_
#define IRIS_COORDINATOR_CLI_READ_STDIN_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace iris {

// All of stdin, to its end, but one byte more than `bytes_max` at most: that shows who checks it
// that it is too much. FAILURE_BAD_REQUEST: it cannot be read, or not to its end.
absl::StatusOr<std::string> ReadStdin(size_t bytes_max);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_READ_STDIN_H_
