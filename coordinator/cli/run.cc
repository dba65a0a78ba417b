#include "coordinator/cli/run.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/process/file_size_limit.h"
#include "common/process/wait_exit.h"
#include "common/rpc/grpc_failure.h"
#include "common/version/version.h"
#include "coordinator/app/places.h"
#include "coordinator/app/serve.h"
#include "coordinator/cli/answer.h"
#include "coordinator/cli/arguments.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/look.h"
#include "coordinator/cli/mcp.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/tell.h"
#include "coordinator/cli/tells.h"
#include "coordinator/cli/text.h"
#include "coordinator/cli/wake.h"
#include "coordinator/config/unset_variable.h"

namespace iris {
namespace {

constexpr absl::Duration kStopAgents = absl::Seconds(30);
constexpr absl::Duration kLeave = absl::Seconds(10);
constexpr char kNoneRuns[] = "no coordinator runs\n";

int RunServe(const CommandLine& command, const MakeEngine& make_engine) {
  const absl::Status status = Serve(command.idle_exit, make_engine);
  if (status.ok()) return command.json ? PrintOut(Dump(Reply(true)) + "\n", kExitOk) : kExitOk;
  if (absl::IsAlreadyExists(status)) {
    const std::string runs = absl::StrCat("a coordinator runs already: ", status.message());
    if (command.json) {
      return PrintFailed(MakeFailure(v1::FAILURE_BAD_REQUEST, runs, "Nothing needs to be done."),
                         true, kExitFailed);
    }
    fprintf(stderr, "%s\n", Printable(runs).c_str());
    return kExitFailed;
  }
  return PrintNotStarted(status, command.json);
}

// What a stop came to. `was_running`: a coordinator, before the one that ended the agents; `left`:
// whether that is gone.
int PrintStopped(const CommandLine& command, bool was_running, const absl::Status& left,
                 const v1::StopResponse& response) {
  const int code = left.ok() && response.problems().empty() ? kExitOk : kExitFailed;
  if (command.json) {
    Json json = Reply(code == kExitOk);
    json["wasRunning"] = was_running;
    json["agentsStopped"] = response.agents_stopped();
    json["stopped"] =
        std::vector<std::string>(response.stopped().begin(), response.stopped().end());
    json["problems"] =
        std::vector<std::string>(response.problems().begin(), response.problems().end());
    if (!left.ok()) json["failure"] = FailureJson(ToProto(left));
    return PrintOut(Dump(json) + "\n", code);
  }
  std::string text;
  for (const std::string& name : response.stopped()) {
    absl::StrAppend(&text, "agent on ", Printable(name), ": stopped\n");
  }
  if (command.agents) absl::StrAppend(&text, "agents stopped: ", response.agents_stopped(), "\n");
  for (const std::string& problem : response.problems()) {
    fprintf(stderr, "%s\n", Printable(problem).c_str());
  }
  if (!left.ok()) PrintFailure(left);
  if (left.ok()) absl::StrAppend(&text, was_running ? "coordinator stopped\n" : kNoneRuns);
  return PrintOut(text, code);
}

// Asks, and gives up the connection: the coordinator leaves when all of them are closed.
absl::Status AskToStop(Coordinator coordinator, const CommandLine& command,
                       v1::StopResponse& response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kStopAgents));
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
  return ConnectOrStart(*places);
}

int RunStop(const CommandLine& command, const Places& places) {
  absl::StatusOr<Coordinator> coordinator = FindRunning(places);
  const bool was_running = KindOf(coordinator.status()) != v1::FAILURE_UNREACHABLE;
  if (!was_running) {
    const bool there_was_one = access(places.store.c_str(), F_OK) == 0;
    if (!command.agents || !there_was_one) {
      if (!command.json) return PrintOut(kNoneRuns, kExitOk);
      return PrintStopped(command, was_running, absl::OkStatus(), {});
    }
    coordinator = StartToStopAgents();
    if (!coordinator.ok()) {
      return PrintFailed(Annotate(coordinator.status(),
                                  "agents may run, and no coordinator can be started to end them"),
                         command.json, ExitCodeForStart(coordinator.status()));
    }
  }
  if (!coordinator.ok()) return PrintFailed(coordinator.status(), command.json, kExitFailed);
  const pid_t pid = static_cast<pid_t>(coordinator->hello.pid());
  v1::StopResponse response;
  const absl::Status asked = AskToStop(*std::move(coordinator), command, response);
  if (!asked.ok()) return PrintFailed(asked, command.json, kExitFailed);
  absl::Status left;
  if (!WaitForExit(pid, absl::Now() + kLeave)) {
    left = MakeFailure(v1::FAILURE_TIMEOUT,
                       absl::StrCat("the coordinator, pid ", pid, ", has not left yet"),
                       absl::StrCat("It leaves when it is done; `kill ", pid,
                                    "` ends it at once, and nothing is lost."));
  }
  return PrintStopped(command, was_running, left, response);
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
  if (!places.ok()) {
    return PrintNotStarted(places.status(), command.json);
  }
  if (command.verb == Verb::kStatus) return RunStatus(command, *places);
  if (command.verb == Verb::kStop) return RunStop(command, *places);
  if (command.verb == Verb::kMcp) return RunMcp(command, *places);
  // Whoever asks a team hears what is wrong with the configuration, whether a coordinator runs or
  // not.
  if (const absl::Status ours = CheckConfig(*places).status(); !ours.ok()) {
    // What we lack ourselves no coordinator makes up for.
    if (IsUnsetVariable(ours) || !GoesOnWithTheLastGood(*places)) {
      return PrintFailed(ours, command.json, kExitConfig);
    }
    PrintFailure(ours);
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
    case Verb::kWake:
    case Verb::kTakeover:
      return RunWake(command, *places);
    case Verb::kSleep:
      return RunSleep(command, *places);
    default:
      return RunTell(command, *places);
  }
}

int PrintVersion(const CommandLine& command) {
  if (!command.json) return PrintOut(absl::StrCat("iris ", kVersion, "\n"), kExitOk);
  Json json = Reply(true);
  json["version"] = kVersion;
  return PrintOut(Dump(json) + "\n", kExitOk);
}

// Help, or what is wrong with the command line.
int PrintInstead(const ParsedCommandLine& parsed) {
  if (parsed.exit_code == kExitOk) return PrintOut(parsed.message, kExitOk);
  if (parsed.command.json) {
    const std::vector<absl::string_view> lines =
        absl::StrSplit(parsed.message, absl::MaxSplits('\n', 1));
    return PrintFailed(MakeFailure(v1::FAILURE_BAD_REQUEST, lines.front(),
                                   absl::StripAsciiWhitespace(lines.back())),
                       true, parsed.exit_code);
  }
  fputs(Printable(parsed.message).c_str(), stderr);
  return parsed.exit_code;
}

}  // namespace

int RunIris(int argc, char** argv, const MakeEngine& make_engine) {
  const std::vector<std::string> arguments = TakeArguments(argc, argv);  // Before anything else.
  SurviveFileSizeLimit();
  const ParsedCommandLine parsed = ParseCommandLine(arguments);
  switch (parsed.command.verb) {
    case Verb::kNone:
      return PrintInstead(parsed);
    case Verb::kVersion:
      return PrintVersion(parsed.command);
    case Verb::kServe:
      return RunServe(parsed.command, make_engine);
    default:
      return RunFrontEnd(parsed.command);
  }
}

}  // namespace iris
