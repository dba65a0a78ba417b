#ifndef IRIS_TESTS_SIMULATION_CALLS_H_
#define IRIS_TESTS_SIMULATION_CALLS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

namespace iris::simulation {

// Which method a call is of, on the wire.
enum class Method : uint8_t {
  kAcquire,
  kOpen,
  kAttach,
  kCancelTell,
  kClose,
  kProbe,
  kAnswerRequest,
};

// How a call ended, as the body of its last frame: code (1) | length of the message (4) | message |
// details.
std::string EncodeStatus(const grpc::Status& status);
grpc::Status DecodeStatus(absl::string_view body);

// What a call says when its wire is gone.
grpc::Status LostWire();

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CALLS_H_
