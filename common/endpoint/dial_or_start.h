#ifndef IRIS_COMMON_ENDPOINT_DIAL_OR_START_H_
#define IRIS_COMMON_ENDPOINT_DIAL_OR_START_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/endpoint/endpoint.h"

namespace iris {

// Dials the daemon at `socket`; where none answers, starts one (StartDaemon(argv, env)) and dials
// again, in turns until `deadline`: the daemon that holds the lock may be leaving. Blocks. The
// failure of the start if there was one, else that of Dial().
absl::StatusOr<Dialed> DialOrStart(const std::string& socket, const std::vector<std::string>& argv,
                                   const std::vector<std::string>& env, absl::Time deadline);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_DIAL_OR_START_H_
