#ifndef IRIS_COMMON_ENDPOINT_WAIT_H_
#define IRIS_COMMON_ENDPOINT_WAIT_H_

#include "absl/time/time.h"

namespace iris {

// Waits until `fd` is readable, has ended or is broken; false at `deadline`. Looks once when that
// is past.
bool WaitReadable(int fd, absl::Time deadline);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_WAIT_H_
