#include "coordinator/cli/answer.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/read_stdin.h"
#include "coordinator/cli/report.h"

namespace iris {
namespace {

constexpr absl::Duration kAnswer = absl::Seconds(40);  // The host has 30.

constexpr size_t kStdinBytesMax = 1 << 20;  // The coordinator has the bound, and says it.

int RunList(const CommandLine& command, v1::Coordinator::Stub& stub, grpc::ClientContext& context) {
  v1::GetStatusResponse status;
  const absl::Status got = FromGrpcStatus(stub.GetStatus(&context, {}, &status), "");
  if (!got.ok()) return PrintFailed(got, command.json, kExitFailed);
  return PrintOut(command.json ? PermissionsJson(status) + "\n" : PermissionsText(status), kExitOk);
}

absl::StatusOr<std::string> GivenOrStdin(const std::string& given) {
  if (given != "-") return given;
  return ReadStdin(kStdinBytesMax);
}

}  // namespace

int RunAnswer(const CommandLine& command, const Places& places) {
  const absl::StatusOr<std::string> message = GivenOrStdin(command.message);
  if (!message.ok()) return PrintFailed(message.status(), command.json, kExitFailed);
  const absl::StatusOr<std::string> input = GivenOrStdin(command.input);
  if (!input.ok()) return PrintFailed(input.status(), command.json, kExitFailed);
  const absl::StatusOr<Coordinator> coordinator = ConnectOrStart(places);
  if (!coordinator.ok()) {
    return PrintNotStarted(coordinator.status(), command.json);
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
  if (command.request_id.empty()) return RunList(command, *coordinator->stub, context);

  v1::AnswerPermissionRequest request;
  request.set_request_id(command.request_id);
  if (command.verdict == "allow") request.set_verdict(v1::AnswerPermissionRequest::ALLOW);
  if (command.verdict == "deny") request.set_verdict(v1::AnswerPermissionRequest::DENY);
  request.set_message(*message);
  request.set_input(*input);
  v1::AnswerPermissionResponse response;
  const absl::Status got =
      FromGrpcStatus(coordinator->stub->AnswerPermission(&context, request, &response), "");
  if (!got.ok()) return PrintRefused(got, command.json);
  return PrintAnswer(response, command.verdict, command.json);
}

}  // namespace iris
