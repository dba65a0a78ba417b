#include "coordinator/app/daemon.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/endpoint/data_lock.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/version/version.h"
#include "coordinator/app/stale_sockets.h"
#include "coordinator/config_file/load_config.h"
#include "coordinator/store/sqlite/sqlite_store.h"

namespace iris {
namespace {

constexpr absl::Duration kCallsEnd = absl::Seconds(2);
// Less than what a front end waits.
constexpr absl::Duration kLookForEndpointEvery = absl::Seconds(2);

std::string RuntimeDir(const Places& places) {
  const absl::StatusOr<Endpoint> now = FindEndpoint("coordinator", places.iris_home);
  return now.ok() ? now->dir : places.endpoint.dir;
}

LiveConfig::Loader LoaderFor(const ConfigSource& source) {
  return [source](const EnvLookup& env) {
    ConfigSource asked = source;
    asked.env = env;
    return LoadConfig(asked);
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Places& places, Locks locks,
                                                      absl::Duration idle_exit,
                                                      const MakeEngine& make_engine) {
  SweepStaleSockets(places.endpoint.dir);
  std::unique_ptr<Daemon> daemon(new Daemon(places, std::move(locks.data), idle_exit));
  absl::Status status;
  daemon->OnLoop([&] { status = daemon->MakeParts(make_engine); });
  if (!status.ok()) return status;
  grpc::ServerBuilder builder;
  builder.RegisterService(daemon->service_.get());
  daemon->server_ = builder.BuildAndStart();
  if (daemon->server_ == nullptr) return MakeFailure(v1::FAILURE_INTERNAL, "no gRPC server");
  daemon->OnLoop([&] { status = daemon->Listen(std::move(locks.endpoint)); });
  if (!status.ok()) return status;
  return daemon;
}

Daemon::Daemon(const Places& places, ScopedFd data_lock, absl::Duration idle_exit)
    : places_(places),
      data_lock_(std::move(data_lock)),
      idle_exit_(idle_exit),
      started_at_(absl::Now()),
      config_(places.config.path, LoaderFor(places.config)) {}

absl::Status Daemon::MakeParts(const MakeEngine& make_engine) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current();
  if (!config.ok()) return config.status();
  absl::StatusOr<std::unique_ptr<SqliteStore>> file = SqliteStore::Open({.path = places_.store});
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<StoreThread>> writer = StoreThread::Start();
  if (!writer.ok()) return writer.status();
  store_file_ = *std::move(file);
  store_thread_ = *std::move(writer);
  store_ = std::make_unique<StoreQueue>(thread_.loop(), *store_file_, *store_thread_);
  budget_ = std::make_unique<ByteBudget>(thread_.loop());
  placed_ = std::make_unique<StoredPlaces>(*store_, places_.config.home);
  engine_ =
      make_engine(thread_.loop(), {.iris_home = places_.iris_home,
                                   .runtime_dir = [places = places_] { return RuntimeDir(places); },
                                   .agent_bundle = (*config)->settings.agent_bundle,
                                   .coordinator_id = store_->coordinator_id(),
                                   .budget = budget_.get(),
                                   .placed = placed_.get()});
  orchestrator_ =
      std::make_unique<Orchestrator>(thread_.loop(), *store_, config_, engine_->transports());
  if (absl::Status status = orchestrator_->ResumeOpenTells(); !status.ok()) return status;
  DaemonControl& control = *this;
  desk_ = std::make_unique<CoordinatorDesk>(
      thread_.loop(), *orchestrator_, config_, control,
      /*first_change=*/
      static_cast<uint64_t>(std::max<int64_t>(absl::ToUnixMicros(started_at_), 1)));
  service_ = std::make_unique<CoordinatorService>(thread_.loop(), *desk_, *budget_);
  return absl::OkStatus();
}

absl::Status Daemon::Listen(ScopedFd endpoint_lock) {
  door_ = std::make_unique<Door>(
      thread_.loop(), [home = places_.iris_home] { return FindEndpoint("coordinator", home); },
      kLookForEndpointEvery,
      Door::Hooks{
          .make_hello =
              [this](const std::string&) { return FrameHello(Hello().SerializeAsString()); },
          .on_connection =
              [this](ScopedFd fd) { grpc::AddInsecureChannelFromFd(server_.get(), fd.Release()); },
          .on_open = [this](const std::string& socket) { NoteSocket(data_lock_, socket); }});
  absl::Status opened = door_->Open(places_.endpoint, std::move(endpoint_lock));
  if (!opened.ok()) return opened;
  return OrExhausted("the coordinator cannot start", [this] {
    signals_ =
        std::make_unique<TerminationSignals>(thread_.loop(), [this] { AskToLeave("signal"); });
    WatchIdle();
    return absl::OkStatus();
  });
}

Daemon::~Daemon() {
  OnLoop([this] {
    thread_.loop().Cancel(idle_timer_);
    signals_.reset();
    if (door_ != nullptr) door_->StopAccepting();
    if (orchestrator_ != nullptr) orchestrator_->Leave();
    if (service_ != nullptr) {
      service_->EndMcp(MakeFailure(v1::FAILURE_DROPPED, "the coordinator was stopped",
                                   "Look at what the team did before you try again."));
    }
  });
  if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now() + kCallsEnd));
  OnLoop([this] {
    desk_.reset();
    orchestrator_.reset();
    engine_.reset();
    placed_.reset();
    budget_.reset();
    store_.reset();
    store_thread_.reset();
    store_file_.reset();
    door_.reset();  // Its locks: whoever comes next finds the store free.
  });
}

void Daemon::OnLoop(absl::AnyInvocable<void()> task) {
  absl::Notification done;
  thread_.loop().Post([&] {
    std::move(task)();
    done.Notify();
  });
  done.WaitForNotification();
}

void Daemon::AskToLeave(absl::string_view why) {
  if (leave_.HasBeenNotified()) return;
  LogInfo("leaving: ", why);
  leave_.Notify();
}

void Daemon::WatchIdle() {
  idle_timer_ = thread_.loop().After(idle_exit_, [this] {
    const uint64_t calls = service_->calls_begun();
    const bool nothing_happened = std::exchange(calls_seen_, calls) == calls;
    if (nothing_happened && service_->open_calls() == 0 && orchestrator_->idle()) {
      AskToLeave("idle");
      return;
    }
    WatchIdle();
  });
}

v1::CoordinatorHello Daemon::Hello() const {
  v1::CoordinatorHello hello;
  hello.set_protocol_min(kFrontEndProtocolMin);
  hello.set_protocol_max(kFrontEndProtocolMax);
  hello.set_build(kVersion);
  hello.set_pid(getpid());
  hello.set_config_path(places_.config.path);
  return hello;
}

// Looked at whenever somebody asks for something, as the configuration itself.
void Daemon::FollowConfig() {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current();
  if (!config.ok()) return;  // Whoever needs it hears why.
  std::set<std::string> names;
  for (const Team& team : (*config)->teams) names.insert(team.name);
  engine_->KeepTeams(names);
}

v1::GetStatusResponse Daemon::Status() const {
  v1::GetStatusResponse status;
  *status.mutable_daemon() = Hello();
  status.set_uptime_ms(absl::ToInt64Milliseconds(absl::Now() - started_at_));
  for (v1::LinkStatus& link : engine_->Links()) *status.add_links() = std::move(link);
  return status;
}

void Daemon::AskHosts(HostReportsDone done) {
  FollowConfig();
  engine_->AskHosts(std::move(done));
}

void Daemon::Stop(const StopSpec& spec, StopDone done) {
  if (!spec.agents) {
    done({});
    AskToLeave("asked to");
    return;
  }
  // Else a tell would bring back the agent that it was lost with.
  const absl::Status settled = orchestrator_->SettleOpen();
  engine_->StopAgents(
      spec.force, spec.environment,
      [this, done, settled](std::vector<std::string> stopped, std::vector<std::string> problems) {
        v1::StopResponse response;
        if (!settled.ok()) response.add_problems(ToProto(settled).detail());
        response.set_agents_stopped(static_cast<uint32_t>(stopped.size()));
        for (std::string& name : stopped) response.add_stopped(std::move(name));
        for (std::string& problem : problems) {
          response.add_problems(std::move(problem));
        }
        done(response);
        AskToLeave("asked to, with the agents");
      });
}

}  // namespace iris
