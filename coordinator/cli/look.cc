#include "coordinator/cli/look.h"

#include <cstdint>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/table.h"

namespace iris {
namespace {

constexpr absl::Duration kConnect = absl::Seconds(10);
constexpr absl::Duration kAnswer = absl::Seconds(10);

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
}

absl::StatusOr<v1::GetStatusResponse> AskStatus(v1::Coordinator::Stub& stub) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetStatusResponse status;
  const absl::Status got = FromGrpcStatus(stub.GetStatus(&context, {}, &status), "");
  if (!got.ok()) return got;
  return status;
}

// Answers that nobody has read; 0 where the coordinator does not say.
uint64_t Unread(v1::Coordinator::Stub& stub) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListTellsResponse tells;
  if (!stub.ListTells(&context, {}, &tells).ok()) return 0;
  return static_cast<uint64_t>(absl::c_count_if(
      tells.tells(), [](const v1::TellSummary& tell) { return tell.state() == "settled"; }));
}

StatusView ViewFor(const CommandLine& command) {
  return {.now_ms = absl::ToUnixMillis(absl::Now()),
          .screen = OwnScreen(),
          .long_form = command.long_form};
}

}  // namespace

int RunStatus(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator = FindRunning(places, absl::Now() + kConnect);
  if (KindOf(coordinator.status()) == v1::FAILURE_UNREACHABLE) {
    return PrintOut(NotRunning(command.json), kExitOk);
  }
  if (!coordinator.ok()) return PrintFailed(coordinator.status(), command.json, kExitFailed);
  absl::StatusOr<v1::GetStatusResponse> status = AskStatus(*coordinator->stub);
  if (!status.ok()) return PrintFailed(status.status(), command.json, kExitFailed);
  if (!command.team.empty()) *status = OnlyOf(command.team, *status);
  if (command.json) return PrintOut(StatusJson(*status) + "\n", kExitOk);
  StatusView view = ViewFor(command);
  view.unread = Unread(*coordinator->stub);
  return PrintOut(StatusText(*status, view), kExitOk);
}

absl::Status AskForTeams(const Coordinator& coordinator, v1::ListTeamsResponse& teams) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListTeamsRequest request;
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return FromGrpcStatus(coordinator.stub->ListTeams(&context, request, &teams), "");
}

int RunTeams(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator =
      ConnectOrStart(places, absl::Now() + kConnect);
  if (!coordinator.ok()) {
    return PrintFailed(coordinator.status(), command.json, ExitCodeForStart(coordinator.status()));
  }
  v1::ListTeamsResponse teams;
  const absl::Status got = AskForTeams(*coordinator, teams);
  if (!got.ok()) return PrintFailed(got, command.json, ExitCodeForStart(got));
  if (command.json) return PrintOut(TeamsJson(teams) + "\n", kExitOk);
  if (teams.teams().empty()) {
    return PrintOut(absl::StrCat("no teams are configured: add one below \"teams\" in ",
                                 places.config.path, "\n"),
                    kExitOk);
  }
  const absl::StatusOr<v1::GetStatusResponse> status = AskStatus(*coordinator->stub);
  if (!status.ok()) return PrintFailed(status.status(), command.json, kExitFailed);
  return PrintOut(TeamsText(teams, *status, ViewFor(command)), kExitOk);
}

}  // namespace iris
