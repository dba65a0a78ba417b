#include "coordinator/cli/look.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/nearest.h"
#include "common/base/quoted.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/table.h"

namespace iris {
namespace {

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

// Answers that nobody has read, with `team` only its own; 0 where the coordinator does not say.
uint64_t Unread(v1::Coordinator::Stub& stub, const std::string& team) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListTellsResponse tells;
  if (!stub.ListTells(&context, {}, &tells).ok()) return 0;
  return static_cast<uint64_t>(
      absl::c_count_if(tells.tells(), [&team](const v1::TellSummary& tell) {
        return tell.state() == v1::TellSummary::SETTLED && (team.empty() || tell.to() == team);
      }));
}

// Of `status` what concerns the team. FAILURE_BAD_REQUEST: there is nothing, and no such team.
absl::StatusOr<v1::GetStatusResponse> StatusOf(const Coordinator& coordinator,
                                               const std::string& team,
                                               const v1::GetStatusResponse& status) {
  v1::GetStatusResponse only = OnlyOf(team, status);
  if (only.links().empty() && only.sessions().empty()) {
    if (absl::Status known = CheckTeam(coordinator, team); !known.ok()) return known;
  }
  return only;
}

StatusView ViewFor(const CommandLine& command) {
  return {.now_ms = absl::ToUnixMillis(absl::Now()),
          .screen = OwnScreen(),
          .team = command.team,
          .long_form = command.long_form};
}

}  // namespace

int RunStatus(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator = FindRunning(places);
  if (KindOf(coordinator.status()) == v1::FAILURE_UNREACHABLE) {
    return PrintOut(NotRunning(command.json), kExitOk);
  }
  if (!coordinator.ok()) return PrintFailed(coordinator.status(), command.json, kExitFailed);
  absl::StatusOr<v1::GetStatusResponse> status = AskStatus(*coordinator->stub);
  if (!status.ok()) return PrintFailed(status.status(), command.json, kExitFailed);
  if (!command.team.empty()) status = StatusOf(*coordinator, command.team, *status);
  if (!status.ok()) {
    return PrintRefused(status.status(), command.json);
  }
  if (command.json) return PrintOut(StatusJson(*status) + "\n", kExitOk);
  StatusView view = ViewFor(command);
  view.unread = Unread(*coordinator->stub, command.team);
  return PrintOut(StatusText(*status, view), kExitOk);
}

absl::Status AskForTeams(const Coordinator& coordinator, v1::ListTeamsResponse& teams) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListTeamsRequest request;
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return FromGrpcStatus(coordinator.stub->ListTeams(&context, request, &teams), "");
}

absl::Status CheckTeam(const Coordinator& coordinator, const std::string& team) {
  v1::ListTeamsResponse teams;
  if (absl::Status got = AskForTeams(coordinator, teams); !got.ok()) return got;
  std::vector<std::string> names;
  for (const v1::TeamInfo& one : teams.teams()) {
    if (one.name() == team) return absl::OkStatus();
    names.push_back(one.name());
  }
  const std::string nearest = Nearest(names, team);
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("there is no team ", Quoted(team), " in ", coordinator.hello.config_path()),
      absl::StrCat(nearest.empty() ? "" : absl::StrCat("Did you mean ", nearest, "? "),
                   "`iris teams` lists them."));
}

int RunTeams(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator = ConnectOrStart(places);
  if (!coordinator.ok()) {
    return PrintNotStarted(coordinator.status(), command.json);
  }
  v1::ListTeamsResponse teams;
  const absl::Status got = AskForTeams(*coordinator, teams);
  if (!got.ok()) return PrintNotStarted(got, command.json);
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
