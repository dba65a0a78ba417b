#include "coordinator/cli/front_end.h"

#include <grpcpp/create_channel_posix.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/data_lock.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/lock_holder.h"
#include "common/failure/failure.h"
#include "common/version/version.h"
#include "coordinator/app/program_path.h"
#include "coordinator/config_file/load_config.h"

namespace iris {
namespace {

// How long a coordinator that says it is there may take to answer before another is started.
constexpr absl::Duration kDial = absl::Seconds(1);

absl::StatusOr<Coordinator> Greet(Dialed dialed) {
  Coordinator coordinator;
  if (!coordinator.hello.ParseFromString(dialed.hello)) {
    return MakeFailure(v1::FAILURE_VERSION, "the coordinator's hello cannot be read");
  }
  const v1::CoordinatorHello& hello = coordinator.hello;
  if (hello.protocol_min() > kFrontEndProtocolMax || hello.protocol_max() < kFrontEndProtocolMin) {
    return MakeFailure(
        v1::FAILURE_VERSION,
        absl::StrCat("the coordinator that runs (iris ", hello.build(), ", pid ", hello.pid(),
                     ") and this iris ", kVersion, " speak no common protocol"),
        absl::StrCat("Stop it (kill ", hello.pid(), ") and try again."));
  }
  coordinator.stub = v1::Coordinator::NewStub(
      grpc::CreateInsecureChannelFromFd("coordinator", dialed.fd.Release()));
  return coordinator;
}

// FAILURE_UNREACHABLE: nobody answered at `socket` until `deadline`.
absl::StatusOr<Coordinator> GreetAt(const std::string& socket,
                                    absl::Time deadline = absl::InfinitePast()) {
  absl::StatusOr<Dialed> dialed = Dial(socket, deadline);
  if (!dialed.ok()) return dialed.status();
  return Greet(*std::move(dialed));
}

// One that says it is there gets a while.
absl::StatusOr<Coordinator> DialFor(const Places& places, absl::Time deadline) {
  return GreetAt(places.endpoint.socket, std::min(deadline, absl::Now() + kDial));
}

// A front end with another IRIS_CONFIG must not be answered from the wrong teams.
absl::StatusOr<Coordinator> WithOurConfig(absl::StatusOr<Coordinator> coordinator,
                                          const Places& places) {
  if (!coordinator.ok() || coordinator->hello.config_path() == places.config.path) {
    return coordinator;
  }
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("the coordinator that runs uses ", coordinator->hello.config_path(),
                   ", and you ask for ", places.config.path),
      "Run `iris stop`, then try again; or give each configuration an IRIS_HOME of "
      "its own.");
}

absl::Status DoesNotAnswer(const Places& places, const LockHolder& holder) {
  const std::string pid = holder.pid == 0 ? "" : absl::StrCat(", pid ", holder.pid, ",");
  return MakeFailure(
      v1::FAILURE_TIMEOUT,
      absl::StrCat("the coordinator that keeps ", places.data_dir, pid, " does not answer at ",
                   places.endpoint.socket),
      absl::StrCat("Try again in a few seconds. If it stays so, end it: ",
                   holder.pid == 0 ? "the process `iris serve`" : absl::StrCat("kill ", holder.pid),
                   ". Nothing is lost by that."));
}

std::vector<std::string> DaemonEnv(const std::vector<std::string>& variables) {
  std::vector<std::string> names = variables;
  names.insert(names.end(), {"IRIS_HOME", "IRIS_CONFIG"});
  return MinimalEnv(names);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CheckConfig(const Places& places) {
  std::set<std::string> names;
  ConfigSource source = places.config;
  source.env = [&names, env = source.env](absl::string_view name) {
    names.emplace(name);
    return env(name);
  };
  const absl::StatusOr<Config> config = LoadConfig(source);
  if (!config.ok()) return config.status();
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<Coordinator> ConnectIfRunning(const Places& places) {
  return GreetAt(places.endpoint.socket);
}

absl::StatusOr<Coordinator> FindRunning(const Places& places, absl::Time deadline) {
  absl::StatusOr<Coordinator> running = ConnectIfRunning(places);
  while (KindOf(running.status()) == v1::FAILURE_UNREACHABLE) {
    const absl::optional<LockHolder> holder = FindDataHolder(places.lock);
    if (!holder.has_value()) return running;
    if (!holder->is_on_this_host()) return KeptByAnotherHost(places, *holder);
    if (absl::Now() >= deadline) return DoesNotAnswer(places, *holder);
    // Its directory went and it is about to come back; it listens elsewhere; or it is leaving.
    running = DialFor(places, deadline);
    if (!running.ok() && !holder->socket.empty()) running = GreetAt(holder->socket);
  }
  return running;
}

absl::StatusOr<Coordinator> ConnectOrStart(const Places& places, absl::Time deadline) {
  absl::StatusOr<Coordinator> running = ConnectIfRunning(places);
  while (KindOf(running.status()) == v1::FAILURE_UNREACHABLE && absl::Now() < deadline) {
    const absl::StatusOr<std::vector<std::string>> variables = CheckConfig(places);
    if (!variables.ok()) return variables.status();
    const absl::Status started =
        StartDaemon({ProgramPath(), "serve"}, DaemonEnv(*variables), deadline);
    if (!started.ok()) return started;
    // One that is leaving holds the lock and does not answer: then this ends early, and another is
    // started.
    running = DialFor(places, deadline);
  }
  if (KindOf(running.status()) == v1::FAILURE_UNREACHABLE) running = FindRunning(places, deadline);
  return WithOurConfig(std::move(running), places);
}

}  // namespace iris
