#include "agent/app/agent_daemon.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/app/open_places.h"
#include "agent/handover/handover.h"
#include "agent/inventory/storage.h"
#include "common/base/ids.h"
#include "common/endpoint/data_lock.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// Less than what a bridge waits: whoever logs in anew finds the agent again.
constexpr absl::Duration kLookForEndpointEvery = absl::Seconds(2);
constexpr absl::Duration kLookAtAuthLinksEvery = absl::Seconds(2);
constexpr absl::Duration kIdleLookMax = absl::Seconds(30);
constexpr absl::Duration kLeaveWithin = absl::Seconds(30);
// For calls that are being answered while the agent leaves. What reached the socket arrives even
// after we are gone; idle connections would be waited for all the same.
constexpr std::chrono::milliseconds kLastAnswers(500);

constexpr int kMessageBytesMax = 1 << 20;  // agent.proto: no message is larger.
// A link that died behind a black hole gets no end: the peer must answer pings to stay.
constexpr int kPingEveryMs = 60'000;
constexpr int kPingAnsweredWithinMs = 30'000;
constexpr int kPeerPingsAtMostEveryMs = 1'000;

std::unique_ptr<grpc::Server> BuildServer(v1::Agent::CallbackService& service) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kPingEveryMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingAnsweredWithinMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPeerPingsAtMostEveryMs);
  builder.RegisterService(&service);
  return builder.BuildAndStart();
}

void CloseChildren(const handover::Agent& state) {
  for (const int fd : ChildDescriptorsIn(state)) close(fd);
}

ScopedFd LeaveSignals() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGTERM, SIGINT}) sigaddset(&watched, number);
  return ScopedFd(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgentDaemon>> AgentDaemon::Start(const Options& options,
                                                                const HostFacts& facts,
                                                                const DataDir& data, Locks locks) {
  std::unique_ptr<AgentDaemon> daemon(new AgentDaemon(options, facts, data));
  absl::Status status;
  daemon->RunOnLoop([&] {
    status = daemon->Serve({});
    if (!status.ok()) return;
    daemon->MakeDoor(std::move(locks.data_lock));
    status = daemon->door_->Open(locks.endpoint, std::move(locks.endpoint_lock));
    if (status.ok()) status = daemon->HearSignals();
    if (status.ok()) daemon->StartLooking();
  });
  if (!status.ok()) return status;
  return daemon;
}

absl::StatusOr<std::unique_ptr<AgentDaemon>> AgentDaemon::GoOn(const Options& options,
                                                               const HostFacts& facts,
                                                               const DataDir& data,
                                                               const handover::Agent& before) {
  std::unique_ptr<AgentDaemon> daemon(new AgentDaemon(options, facts, data));
  absl::Status status;
  daemon->RunOnLoop([&] {
    daemon->MakeDoor(ScopedFd(before.data_lock()));
    for (const handover::Place& place : before.places())
      status.Update(daemon->door_->GoOn(FromProto(place)));
    // Children that were taken over would end with us. So they are not, and their pipes close:
    // each finishes its turn, for the agent that recovers them.
    if (!status.ok()) return CloseChildren(before);
    status = daemon->Serve(before.sessions());
    if (!status.ok()) return;
    // It has children: without ears for signals it works all the same.
    if (absl::Status heard = daemon->HearSignals(); !heard.ok()) LogError(heard.message());
    daemon->StartLooking();
  });
  if (!status.ok()) return status;
  LogInfo("was agent ", before.build(), ", with ", daemon->sessions_->running_children(),
          " children");
  return daemon;
}

AgentDaemon::AgentDaemon(const Options& options, const HostFacts& facts, const DataDir& data)
    : options_(options),
      facts_(facts),
      host_dir_(data.host),
      sessions_dir_(data.sessions),
      incarnation_(NewUuid()),
      hello_(MakeHello(facts_, data.host_id, options.build_number, incarnation_, data.path)) {}

AgentDaemon::~AgentDaemon() { Stop(); }

// Everything but the door. On the loop, in one step with the door: who comes in finds all of it.
absl::Status AgentDaemon::Serve(
    const google::protobuf::RepeatedPtrField<handover::Session>& before) {
  const auto is_on_network = [this](const std::string& path) {
    return mounts_.LeadsOntoNetwork(path);
  };
  auth_links_ = std::make_unique<AuthLinks>(absl::StrCat(hello_.data_dir(), "/a"), hello_.host_id(),
                                            AuthLinks::OurAgentListens, is_on_network);
  work_ = std::make_unique<WorkThread>(loop_.loop());
  sessions_ = std::make_unique<SessionTable>(
      loop_.loop(),
      SessionContext{.incarnation = incarnation_,
                     .host_id = hello_.host_id(),
                     .boot_id = hello_.boot_id(),
                     .pid_namespace = hello_.pid_namespace(),
                     .hostname = facts_.hostname,
                     .user = facts_.user,
                     .keeper_program = facts_.program,
                     .home = facts_.home,
                     .sessions_dir = sessions_dir_,
                     .sessions_on_network = StorageOf(sessions_dir_) == v1::STORAGE_NETWORK,
                     .is_on_network = is_on_network,
                     .child_env = ChildEnvironment(),
                     .auth_links = auth_links_.get(),
                     .slow_work = work_.get()});
  sessions_->Load(before);
  upgrade_ = std::make_unique<Upgrade>(
      loop_.loop(), options_.build_number,
      Upgrade::Hooks{.why_not_now = [this] { return sessions_->WhyNoHandover(); },
                     .become = [this](const std::string& program) { return Become(program); }});
  service_ =
      AgentService::Make(loop_.loop(), *sessions_,
                         {.get_host = [this] { return GetHost(); },
                          .on_shutdown = [this] { Leave("Shutdown"); },
                          .on_upgrade =
                              [this](const std::string& program, AgentService::UpgradeDone done) {
                                upgrade_->Offer(program, std::move(done));
                              }});
  grpc_service_ = MakeGrpcService(loop_.loop(), *service_);
  server_ = BuildServer(*grpc_service_);
  if (server_ == nullptr) return MakeFailure(v1::FAILURE_INTERNAL, "gRPC did not start");
  return absl::OkStatus();
}

void AgentDaemon::MakeDoor(ScopedFd data_lock) {
  data_lock_ = std::move(data_lock);
  door_ = std::make_unique<Door>(
      loop_.loop(), [home = options_.home] { return FindEndpoint("agent", home); },
      kLookForEndpointEvery,
      Door::Hooks{.make_hello =
                      [this](const std::string& socket) {
                        return FrameHello(HelloAt(socket).SerializeAsString());
                      },
                  .on_connection = [this](ScopedFd fd) { OnConnection(std::move(fd)); },
                  .on_open =
                      [this](const std::string& socket) {
                        socket_ = socket;
                        NoteSocket(data_lock_, socket);
                      }});
}

absl::Status AgentDaemon::HearSignals() {
  constexpr char kWhat[] = "the agent cannot hear signals";
  signals_ = LeaveSignals();
  if (!signals_) return Exhausted(errno, kWhat);
  const absl::Status watched = loop_.loop().Watch(signals_.get(), {.readable = true},
                                                  [this](EventLoop::Ready) { OnSignal(); });
  return watched.ok() ? watched : Exhausted(watched, kWhat);
}

void AgentDaemon::StartLooking() {
  LookIfIdle();
  LookAtAuthLinks();
  LogInfo("agent ", hello_.build(), " of incarnation ", incarnation_, " serves at ", socket_);
}

// All of it in one step of the loop: no child, no call and no byte comes in between. What the
// coordinators have not read is in the journals, and every connection ends with this program.
absl::Status AgentDaemon::Become(const std::string& program) {
  // Their streams end with this program, and the next one does not know what is acknowledged.
  sessions_->ForgetFencedReaders();
  handover::Agent state;
  state.set_format(kHandoverFormat);
  state.set_build(hello_.build());
  state.set_data_lock(data_lock_.get());
  state.set_host_dir(host_dir_);
  state.set_host_id(hello_.host_id());
  for (const Door::OpenPlace& open : door_->OpenPlaces()) *state.add_places() = ToProto(open);
  *state.mutable_sessions() = sessions_->HandOver();
  absl::StatusOr<ScopedFd> file = WriteHandover(state);
  if (!file.ok()) return file.status();
  std::vector<int> inherited = DescriptorsIn(state);
  inherited.push_back(file->get());
  std::vector<std::string> args = {"serve"};
  for (std::string& argument : ArgumentsFor(options_)) args.push_back(std::move(argument));
  args.insert(args.end(), {"--handed-over", absl::StrCat(file->get())});
  LogInfo("becoming ", program, " with ", state.sessions_size(), " sessions in ",
          state.ByteSizeLong(), " bytes");
  return BecomeProgram(program, args, inherited);
}

void AgentDaemon::RunUntilLeft() {
  left_.WaitForNotification();
  Stop();
}

void AgentDaemon::Stop() {
  // From the outside in: no new calls, no calls, no sessions, no loop.
  RunOnLoop([this] {
    if (door_ != nullptr) door_->StopAccepting();
    if (upgrade_ != nullptr) upgrade_->Stop();
    if (service_ != nullptr) service_->EndStreams();
  });
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kLastAnswers);
  server_.reset();
  RunOnLoop([this] {
    grpc_service_.reset();
    service_.reset();
    upgrade_.reset();
    sessions_.reset();
    auth_links_.reset();
    door_.reset();
    if (signals_) loop_.loop().Unwatch(signals_.get());
    signals_.Reset();
  });
  // What the sessions have left it to do is done before anybody takes this agent for gone.
  work_.reset();
}

void AgentDaemon::OnConnection(ScopedFd fd) {
  busy_ = Clock::now();
  links_.Add(fd.get());
  grpc::AddInsecureChannelFromFd(server_.get(), fd.Release());
}

void AgentDaemon::OnSignal() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    Leave(absl::StrCat("signal ", info.ssi_signo, " from pid ", info.ssi_pid));
  }
}

bool AgentDaemon::idle() {
  return sessions_->idle() && !sessions_->has_unacknowledged() && service_->open_streams() == 0 &&
         links_.Count() == 0;
}

void AgentDaemon::LookIfIdle() {
  if (leaving_) return;
  const Clock::time_point now = Clock::now();
  if (!idle()) busy_ = now;
  if (now - busy_ >= absl::ToChronoNanoseconds(options_.idle_exit)) return Leave("idle");
  const absl::Duration pause =
      std::clamp(options_.idle_exit / 8, absl::Milliseconds(10), kIdleLookMax);
  loop_.loop().After(pause, [this] { LookIfIdle(); });
}

void AgentDaemon::LookAtAuthLinks() {
  if (leaving_) return;
  auth_links_->Look();
  loop_.loop().After(kLookAtAuthLinksEvery, [this] { LookAtAuthLinks(); });
}

void AgentDaemon::Leave(const std::string& why) {
  if (std::exchange(leaving_, true)) return;
  LogInfo("leaving: ", why);
  door_->StopAccepting();
  upgrade_->Stop();
  loop_.loop().After(kLeaveWithin, [this] { SetLeft(); });
  sessions_->CloseAll([this](size_t ended) {
    LogInfo("left with ", ended, " sessions ended");
    SetLeft();
  });
}

void AgentDaemon::SetLeft() {
  if (!std::exchange(is_left_, true)) left_.Notify();
}

v1::Hello AgentDaemon::HelloAt(const std::string& socket) const {
  v1::Hello hello = hello_;
  hello.set_socket_path(socket);
  hello.set_upgrade_refused(upgrade_->refused());
  sessions_->Count(hello);
  return hello;
}

v1::GetHostResponse AgentDaemon::GetHost() {
  v1::GetHostResponse response;
  *response.mutable_hello() = HelloAt(socket_);
  response.set_rss_bytes(ResidentBytes());
  *response.mutable_holdings() = sessions_->Holdings();
  const Builds builds = CountBuilds(hello_.data_dir());
  response.mutable_holdings()->set_builds(builds.count);
  response.mutable_holdings()->set_build_bytes(builds.bytes);
  response.set_links(static_cast<uint32_t>(links_.Count()));
  response.set_uptime_ms(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_).count());
  return response;
}

void AgentDaemon::RunOnLoop(absl::AnyInvocable<void()> step) {
  absl::Notification done;
  loop_.loop().Post([&] {
    step();
    done.Notify();
  });
  done.WaitForNotification();
}

}  // namespace iris
