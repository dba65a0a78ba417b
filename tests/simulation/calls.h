#ifndef IRIS_TESTS_SIMULATION_CALLS_H_
#define IRIS_TESTS_SIMULATION_CALLS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

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

// How a call ended, as the body of its last frame: a Failure in bytes, nothing for OK. What comes
// out is as FromHost() (coordinator/link) has it.
std::string EncodeStatus(const absl::Status& status);
absl::Status DecodeStatus(absl::string_view body);

// What a call says when its wire is gone.
absl::Status LostWire();

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CALLS_H_
