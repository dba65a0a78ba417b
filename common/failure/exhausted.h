#ifndef IRIS_COMMON_FAILURE_EXHAUSTED_H_
#define IRIS_COMMON_FAILURE_EXHAUSTED_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace iris {

// `error`, an errno, says that this machine or account has no more processes, threads, descriptors
// or memory just now: nothing is wrong with what was asked for.
bool IsExhausted(int error);

// The same of a status that absl::ErrnoToStatus() made, as Spawn() returns it.
bool IsExhausted(const absl::Status& status);

// FAILURE_BUSY_LIMIT with a fix that names the limit. `doing` is what could not be done: "ssh
// cannot be started". A link tries again by itself.
absl::Status Exhausted(int error, absl::string_view doing);
absl::Status Exhausted(const absl::Status& status, absl::string_view doing);

}  // namespace iris

#endif  // IRIS_COMMON_FAILURE_EXHAUSTED_H_
