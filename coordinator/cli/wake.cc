#include "coordinator/cli/wake.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/look.h"
#include "coordinator/cli/own_caller.h"
#include "coordinator/cli/report.h"

namespace iris {
namespace {

// A place in the pool's line, a bootstrap, and a start; each has its own, shorter limit.
constexpr absl::Duration kWake = absl::Minutes(10);
// The child gets its time to end; the host has its own, shorter limit.
constexpr absl::Duration kSleep = absl::Minutes(2);

Json ReplyFor(const CommandLine& command, const absl::Status& status) {
  Json json = Reply(status.ok());
  json["team"] = command.team;
  if (!command.from.empty()) json["from"] = command.from;
  if (!status.ok()) json["failure"] = FailureJson(ToProto(status));
  return json;
}

int Failed(const CommandLine& command, const absl::Status& status, int exit_code) {
  if (!command.json) return PrintFailed(status, false, exit_code);
  return PrintOut(Dump(ReplyFor(command, status)) + "\n", exit_code);
}

int PrintWoken(const CommandLine& command, const v1::WakeResponse& woken) {
  if (command.json) {
    Json json = ReplyFor(command, absl::OkStatus());
    json["ready"] = true;
    json["wasReady"] = woken.was_ready();
    json["childPid"] = woken.child_pid();
    return PrintOut(Dump(json) + "\n", kExitOk);
  }
  const std::string pid = absl::StrCat("its claude has pid ", woken.child_pid());
  if (command.verb == Verb::kTakeover) {
    return PrintOut(absl::StrCat("the conversation of ", command.from, " with ", command.team,
                                 " is held here now; ", pid, "\n"),
                    kExitOk);
  }
  const char* const ready = woken.was_ready() ? " was ready before; " : " is ready; ";
  return PrintOut(absl::StrCat(command.team, ready, pid, "\n"), kExitOk);
}

int PrintAsleep(const CommandLine& command, const v1::SleepResponse& asleep) {
  if (command.json) {
    Json json = ReplyFor(command, absl::OkStatus());
    json["asleep"] = true;
    json["wasRunning"] = asleep.was_running();
    return PrintOut(Dump(json) + "\n", kExitOk);
  }
  return PrintOut(
      absl::StrCat(command.team, asleep.was_running() ? " sleeps now; the conversation stays\n"
                                                      : " is not running\n"),
      kExitOk);
}

// `command` with `from` filled in.
absl::StatusOr<CommandLine> WithCaller(const CommandLine& command, v1::Coordinator::Stub& stub) {
  const absl::StatusOr<Caller> from = CallerOrOwn(stub, Caller::Named(command.from));
  if (!from.ok()) return from.status();
  CommandLine with_caller = command;
  with_caller.from = from->name();
  return with_caller;
}

// A host refuses too, a directory that is not there for example: only a team that is not configured
// is wrong usage.
int Refused(const CommandLine& command, const Coordinator& coordinator,
            const absl::Status& status) {
  const bool is_usage =
      KindOf(status) == v1::FAILURE_BAD_REQUEST && !CheckTeam(coordinator, command.team).ok();
  return Failed(command, status, is_usage ? kExitUsage : kExitFailed);
}

int Wake(const CommandLine& command, const Coordinator& coordinator) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kWake));
  v1::WakeRequest request;
  request.set_from(command.from);
  request.set_to(command.team);
  request.set_takeover(command.verb == Verb::kTakeover);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  v1::WakeResponse woken;
  const absl::Status got = FromGrpcStatus(coordinator.stub->Wake(&context, request, &woken), "");
  return got.ok() ? PrintWoken(command, woken) : Refused(command, coordinator, got);
}

int Sleep(const CommandLine& command, const Coordinator& coordinator) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kSleep));
  v1::SleepRequest request;
  request.set_from(command.from);
  request.set_to(command.team);
  request.set_force(command.force);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  v1::SleepResponse asleep;
  const absl::Status got = FromGrpcStatus(coordinator.stub->Sleep(&context, request, &asleep), "");
  return got.ok() ? PrintAsleep(command, asleep) : Refused(command, coordinator, got);
}

template <typename Ask>
int AskForCaller(const CommandLine& command, const Places& places, Ask ask) {
  const absl::StatusOr<Coordinator> coordinator = ConnectOrStart(places);
  if (!coordinator.ok()) {
    return Failed(command, coordinator.status(), ExitCodeForStart(coordinator.status()));
  }
  const absl::StatusOr<CommandLine> with_caller = WithCaller(command, *coordinator->stub);
  if (!with_caller.ok()) {
    return Failed(command, with_caller.status(), ExitCodeForRefusal(with_caller.status()));
  }
  return ask(*with_caller, *coordinator);
}

}  // namespace

int RunWake(const CommandLine& command, const Places& places) {
  return AskForCaller(command, places, Wake);
}

int RunSleep(const CommandLine& command, const Places& places) {
  return AskForCaller(command, places, Sleep);
}

}  // namespace iris
