#include "coordinator/cli/run.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/process/wait_exit.h"
#include "common/rpc/grpc_failure.h"
#include "common/version/version.h"
#include "coordinator/app/places.h"
#include "coordinator/app/serve.h"
#include "coordinator/cli/answer.h"
#include "coordinator/cli/arguments.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/mcp.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/takeover.h"
#include "coordinator/cli/tell.h"
#include "coordinator/cli/tells.h"
#include "coordinator/cli/text.h"
#include "coordinator/config/unset_variable.h"

namespace iris {
namespace {

constexpr absl::Duration kConnect = absl::Seconds(10);
constexpr absl::Duration kAnswer = absl::Seconds(10);
constexpr absl::Duration kStopAgents = absl::Seconds(30);
constexpr absl::Duration kLeave = absl::Seconds(10);

int Fail(const absl::Status& status, int exit_code) {
  PrintFailure(status);
  return exit_code;
}

void SetDeadline(grpc::ClientContext& context, absl::Duration limit) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
}

int RunServe(const CommandLine& command, const MakeEngine& make_engine) {
  const absl::Status status = Serve(command.idle_exit, make_engine);
  if (status.ok()) return kExitOk;
  if (absl::IsAlreadyExists(status)) {
    fprintf(stderr, "a coordinator runs already: %s\n", std::string(status.message()).c_str());
    return kExitFailed;
  }
  return Fail(status, ExitCodeForStart(status));
}

int RunStatus(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator = FindRunning(places, absl::Now() + kConnect);
  if (KindOf(coordinator.status()) == v1::FAILURE_UNREACHABLE) {
    puts(command.json ? "{\"running\":false}" : "no coordinator runs");
    return kExitOk;
  }
  if (!coordinator.ok()) return Fail(coordinator.status(), kExitFailed);
  grpc::ClientContext context;
  SetDeadline(context, kAnswer);
  v1::GetStatusResponse status;
  const absl::Status got = FromGrpcStatus(coordinator->stub->GetStatus(&context, {}, &status), "");
  if (!got.ok()) return Fail(got, kExitFailed);
  const std::string text = command.json ? StatusJson(status) + "\n"
                                        : StatusText(status, absl::ToUnixMillis(absl::Now()));
  fputs(text.c_str(), stdout);
  return kExitOk;
}

absl::Status AskForTeams(const Coordinator& coordinator, v1::ListTeamsResponse& teams) {
  grpc::ClientContext context;
  SetDeadline(context, kAnswer);
  v1::ListTeamsRequest request;
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return FromGrpcStatus(coordinator.stub->ListTeams(&context, request, &teams), "");
}

int RunTeams(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator =
      ConnectOrStart(places, absl::Now() + kConnect);
  if (!coordinator.ok()) {
    return Fail(coordinator.status(), ExitCodeForStart(coordinator.status()));
  }
  v1::ListTeamsResponse teams;
  const absl::Status got = AskForTeams(*coordinator, teams);
  if (!got.ok()) return Fail(got, ExitCodeForStart(got));
  fputs((command.json ? TeamsJson(teams) + "\n" : TeamsText(teams)).c_str(), stdout);
  return kExitOk;
}

// Asks, and gives up the connection: the coordinator leaves when all of them are closed.
absl::Status AskToStop(Coordinator coordinator, const CommandLine& command,
                       v1::StopResponse& response) {
  grpc::ClientContext context;
  SetDeadline(context, kStopAgents);
  v1::StopRequest request;
  request.set_agents(command.agents);
  request.set_force(command.force);
  if (command.agents) *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return FromGrpcStatus(coordinator.stub->Stop(&context, request, &response), "");
}

// Agents outlive their coordinator: another one is started to end them.
absl::StatusOr<Coordinator> StartToStopAgents() {
  const absl::StatusOr<Places> places = FindPlaces(ProcessEnv);
  if (!places.ok()) return places.status();
  return ConnectOrStart(*places, absl::Now() + kConnect);
}

int RunStop(const CommandLine& command, const Places& places) {
  absl::StatusOr<Coordinator> coordinator = FindRunning(places, absl::Now() + kConnect);
  if (KindOf(coordinator.status()) == v1::FAILURE_UNREACHABLE) {
    const bool there_was_one = access(places.store.c_str(), F_OK) == 0;
    if (!command.agents || !there_was_one) {
      puts("no coordinator runs");
      return kExitOk;
    }
    coordinator = StartToStopAgents();
    if (!coordinator.ok()) {
      return Fail(Annotate(coordinator.status(),
                           "agents may run, and no coordinator can be started to end them"),
                  ExitCodeForStart(coordinator.status()));
    }
  }
  if (!coordinator.ok()) return Fail(coordinator.status(), kExitFailed);
  const pid_t pid = static_cast<pid_t>(coordinator->hello.pid());
  v1::StopResponse response;
  const absl::Status asked = AskToStop(*std::move(coordinator), command, response);
  if (!asked.ok()) return Fail(asked, kExitFailed);
  const bool gone = WaitForExit(pid, absl::Now() + kLeave);
  for (const std::string& name : response.stopped()) {
    printf("agent on %s: stopped\n", Printable(name).c_str());
  }
  if (command.agents) printf("agents stopped: %u\n", response.agents_stopped());
  for (const std::string& problem : response.problems()) {
    fprintf(stderr, "%s\n", Printable(problem).c_str());
  }
  if (!gone) {
    return Fail(MakeFailure(v1::FAILURE_TIMEOUT,
                            absl::StrCat("the coordinator, pid ", pid, ", has not left yet")),
                kExitFailed);
  }
  puts("coordinator stopped");
  return response.problems().empty() ? kExitOk : kExitFailed;
}

// A coordinator that has read our configuration before, with our variables, keeps that for us while
// the file is broken. It alone knows.
bool GoesOnWithTheLastGood(const Places& places) {
  const absl::StatusOr<Coordinator> running = ConnectIfRunning(places);
  if (!running.ok() || running->hello.config_path() != places.config.path) return false;
  v1::ListTeamsResponse teams;
  return AskForTeams(*running, teams).ok() && teams.has_config_problem();
}

// The commands that talk to a coordinator.
int RunFrontEnd(const CommandLine& command) {
  // Whoever looks or stops may do so whatever is wrong with the configuration.
  const bool looks_or_stops = command.verb == Verb::kStatus || command.verb == Verb::kStop;
  const absl::StatusOr<Places> places =
      looks_or_stops ? FindPlacesWithoutConfig(ProcessEnv) : FindPlaces(ProcessEnv);
  if (!places.ok()) return Fail(places.status(), ExitCodeForStart(places.status()));
  if (command.verb == Verb::kStatus) return RunStatus(command, *places);
  if (command.verb == Verb::kStop) return RunStop(command, *places);
  if (command.verb == Verb::kMcp) return RunMcp(command, *places);
  // Whoever asks a team hears what is wrong with the configuration, whether a coordinator runs or not.
  if (const absl::Status ours = CheckConfig(*places).status(); !ours.ok()) {
    PrintFailure(ours);
    // What we lack ourselves no coordinator makes up for.
    if (IsUnsetVariable(ours) || !GoesOnWithTheLastGood(*places)) return kExitConfig;
    fputs("The last good configuration is in force.\n", stderr);
  }
  switch (command.verb) {
    case Verb::kTeams:
      return RunTeams(command, *places);
    case Verb::kTells:
      return RunTells(command, *places);
    case Verb::kCancel:
      return RunCancel(command, *places);
    case Verb::kAnswer:
      return RunAnswer(command, *places);
    case Verb::kTakeover:
      return RunTakeover(command, *places);
    default:
      return RunTell(command, *places);
  }
}

}  // namespace

int RunIris(int argc, char** argv, const MakeEngine& make_engine) {
  const std::vector<std::string> arguments = TakeArguments(argc, argv);  // Before anything else.
  const ParsedCommandLine parsed = ParseCommandLine(arguments);
  switch (parsed.command.verb) {
    case Verb::kNone:
      fputs(parsed.message.c_str(), parsed.exit_code == kExitOk ? stdout : stderr);
      return parsed.exit_code;
    case Verb::kVersion:
      printf("iris %s\n", kVersion);
      return kExitOk;
    case Verb::kServe:
      return RunServe(parsed.command, make_engine);
    default:
      return RunFrontEnd(parsed.command);
  }
}

}  // namespace iris
