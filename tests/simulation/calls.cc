#include "tests/simulation/calls.h"

#include "common/failure/failure.h"
#include "coordinator/link/host_failure.h"

namespace iris::simulation {

std::string EncodeStatus(const absl::Status& status) {
  return status.ok() ? "" : ToProto(status).SerializeAsString();
}

absl::Status DecodeStatus(absl::string_view body) {
  Failure failure;
  failure.ParseFromArray(body.data(), static_cast<int>(body.size()));
  return FromHost(failure);
}

absl::Status LostWire() { return MakeFailure(v1::FAILURE_DROPPED, "the simulated wire is gone"); }

}  // namespace iris::simulation
