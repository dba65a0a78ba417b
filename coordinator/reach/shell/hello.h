#ifndef IRIS_COORDINATOR_REACH_SHELL_HELLO_H_
#define IRIS_COORDINATOR_REACH_SHELL_HELLO_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The agent's hello from `bytes`: it speaks a protocol that we speak, and its texts are of the
// length that agent.proto allows and fit to be shown. They are the host's words nevertheless.
// FAILURE_VERSION: no version in common; names both ranges. FAILURE_INTERNAL: these are no hello.
absl::StatusOr<v1::Hello> ParseAgentHello(const std::string& bytes);

// Reads a hello as ReadHello() does, and never a byte beyond it. FAILURE_CANCELLED as of
// PollUntil(), however much of it has come.
absl::StatusOr<v1::Hello> ReadAgentHello(int fd, absl::Time deadline,
                                         const std::atomic<bool>* cancelled);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_HELLO_H_
