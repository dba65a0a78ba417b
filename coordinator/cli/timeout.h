#ifndef IRIS_COORDINATOR_CLI_TIMEOUT_H_
#define IRIS_COORDINATOR_CLI_TIMEOUT_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace iris {

// How long to wait, in milliseconds, as people write it: "90s", "5m", "1h30m", "2d", "500ms"; a
// bare number is milliseconds, and -1 is one. Nothing: it is none of these, or longer than 30 days.
absl::optional<int64_t> ParseTimeout(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TIMEOUT_H_
