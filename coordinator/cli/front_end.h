#ifndef IRIS_COORDINATOR_CLI_FRONT_END_H_
#define IRIS_COORDINATOR_CLI_FRONT_END_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "coordinator/app/places.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A coordinator that answered and speaks our protocol.
struct Coordinator {
  v1::CoordinatorHello hello;
  std::unique_ptr<v1::Coordinator::Stub> stub;
};

// How long a command looks for a coordinator, or starts one.
inline constexpr absl::Duration kConnectWithin = absl::Seconds(10);

// The configuration as this process sees it, checked in full. Returns the names of the environment
// variables that it refers to. FAILURE_BAD_REQUEST as LoadConfig().
absl::StatusOr<std::vector<std::string>> CheckConfig(const Places& places);

// FAILURE_UNREACHABLE: none runs. FAILURE_VERSION: it is too old or too new for us.
absl::StatusOr<Coordinator> ConnectIfRunning(const Places& places);

// The same for who must know: where one runs and is not to be found, it is waited for until
// `deadline`. FAILURE_TIMEOUT: it does not answer. FAILURE_STORAGE: KeptByAnotherHost().
absl::StatusOr<Coordinator> FindRunning(const Places& places,
                                        absl::Time deadline = absl::Now() + kConnectWithin);

// Starts one if none runs, with a minimal environment and those of our variables that the
// configuration refers to; tries until `deadline`. Also FAILURE_BAD_REQUEST: one runs with another
// configuration than ours, or ours cannot be used to start one (CheckConfig()); and what else
// Serve() reports.
absl::StatusOr<Coordinator> ConnectOrStart(const Places& places,
                                           absl::Time deadline = absl::Now() + kConnectWithin);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_FRONT_END_H_
