#include "coordinator/cli/takeover.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/own_caller.h"
#include "coordinator/cli/report.h"

namespace iris {
namespace {

constexpr absl::Duration kConnect = absl::Seconds(10);
// A place in the pool's line, a bootstrap, and a start; each has its own, shorter limit.
constexpr absl::Duration kAnswer = absl::Minutes(10);

}  // namespace

int RunTakeover(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator =
      ConnectOrStart(places, absl::Now() + kConnect);
  if (!coordinator.ok()) {
    PrintTakeover(command.team, command.from, coordinator.status(), command.json);
    return ExitCodeForStart(coordinator.status());
  }
  // A person may mend any conversation, so one that is named is taken as it is.
  const absl::StatusOr<std::string> from =
      command.from.empty() ? FindOwnCaller(*coordinator->stub, "")
                           : absl::StatusOr<std::string>(command.from);
  if (!from.ok()) {
    PrintTakeover(command.team, command.from, from.status(), command.json);
    return kExitFailed;
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
  v1::WakeRequest request;
  request.set_from(*from);
  request.set_to(command.team);
  request.set_takeover(true);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  v1::WakeResponse response;
  const absl::Status woken =
      FromGrpcStatus(coordinator->stub->Wake(&context, request, &response), "");
  absl::StatusOr<v1::WakeResponse> taken(response);
  if (!woken.ok()) taken = woken;
  PrintTakeover(command.team, *from, taken, command.json);
  return taken.ok() ? kExitOk : kExitFailed;
}

}  // namespace iris
