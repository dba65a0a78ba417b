#include "tests/simulation/calls.h"

#include <cstring>

namespace iris::simulation {

std::string EncodeStatus(const grpc::Status& status) {
  const std::string message = status.error_message();
  const auto length = static_cast<uint32_t>(message.size());
  std::string body(1, static_cast<char>(status.error_code()));
  body.append(reinterpret_cast<const char*>(&length), sizeof(length));
  return body + message + status.error_details();
}

grpc::Status DecodeStatus(absl::string_view body) {
  uint32_t length = 0;
  memcpy(&length, body.data() + 1, sizeof(length));
  const absl::string_view rest = body.substr(1 + sizeof(length));
  return grpc::Status(static_cast<grpc::StatusCode>(body[0]), std::string(rest.substr(0, length)),
                      std::string(rest.substr(length)));
}

grpc::Status LostWire() {
  return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the simulated wire is gone");
}

}  // namespace iris::simulation
