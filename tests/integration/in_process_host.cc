#include "tests/integration/in_process_host.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/ids.h"
#include "common/version/version.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_posix.h"

namespace iris {

class InProcessHost::WireConnector final : public Connector {
 public:
  explicit WireConnector(InProcessHost& host) : host_(host) {}
  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>&) override {
    on_progress({.stage = ConnectProgress::Stage::kConnecting, .text = "connecting"});
    return host_.Connect();
  }

 private:
  InProcessHost& host_;
};

InProcessHost::InProcessHost(const std::string& home, const std::string& keeper_program,
                             const std::string& path, const std::string& hostname) {
  std::filesystem::create_directories(absl::StrCat(home, "/sessions"));
  SessionContext identity{
      .incarnation = NewUuid(),
      .hostname = hostname,
      .keeper_program = keeper_program,
      .home = home,
      .sessions_dir = absl::StrCat(home, "/sessions"),
      // IS_SANDBOX: claude as root refuses to skip permissions without it.
      .child_env = {absl::StrCat("HOME=", home), absl::StrCat("PATH=", path), "IS_SANDBOX=1"}};
  hello_.set_incarnation(identity.incarnation);
  hello_.set_host_id(home);
  hello_.set_hostname(hostname);
  hello_.set_user("me");
  hello_.set_data_dir(home);
  hello_.set_pid(getpid());
  hello_.set_build_number(kBuildNumber);
  hello_.mutable_protocol()->set_min(kProtocolMin);
  hello_.mutable_protocol()->set_max(kProtocolMax);
  sessions_ = std::make_unique<SessionTable>(loop_.loop(), std::move(identity));
  service_ =
      AgentService::Make(loop_.loop(), *sessions_,
                         {.get_host = [] { return v1::GetHostResponse(); }, .on_shutdown = [] {}});
  grpc_service_ = MakeGrpcService(loop_.loop(), *service_);
  grpc::ServerBuilder builder;
  builder.RegisterService(&*grpc_service_);
  server_ = builder.BuildAndStart();
}

InProcessHost::~InProcessHost() {
  absl::Notification closed;
  loop_.loop().Post([&] {
    service_->EndStreams();
    sessions_->CloseAll([&](size_t) { closed.Notify(); });
  });
  closed.WaitForNotificationWithTimeout(absl::Minutes(1));
  server_->Shutdown();
  server_.reset();
  // After the last that streams posted, which refers to both, and where what they have of the
  // disk's and the children's threads is posted too.
  loop_.Run([this] {
    grpc_service_.reset();
    service_.reset();
    sessions_.reset();
  });
  absl::MutexLock lock(&mutex_);
  for (int wire : wires_) close(wire);
}

std::unique_ptr<Connector> InProcessHost::MakeConnector() {
  return std::make_unique<WireConnector>(*this);
}

absl::StatusOr<Connection> InProcessHost::Connect() {
  absl::MutexLock lock(&mutex_);
  if (leads_to_ != nullptr) return leads_to_->Connect();
  if (!refusal_.ok()) return refusal_;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  wires_.push_back(fcntl(ends[1], F_DUPFD_CLOEXEC, 0));
  grpc::AddInsecureChannelFromFd(server_.get(), ends[1]);
  Connection connection;
  connection.wire.Reset(ends[0]);
  connection.hello = hello_;
  return connection;
}

bool InProcessHost::busy() {
  bool busy = false;
  const v1::ListResponse list = List();
  for (const v1::SessionInfo& session : list.sessions()) {
    busy = busy || session.state() == v1::SESSION_BUSY;
  }
  return busy;
}

size_t InProcessHost::tells_waiting() {
  size_t waiting = 0;
  const v1::ListResponse list = List();
  for (const v1::SessionInfo& session : list.sessions()) waiting += session.tells_waiting();
  return waiting;
}

v1::ListResponse InProcessHost::List() {
  v1::ListResponse list;
  absl::Notification done;
  loop_.loop().Post([&] {
    list = sessions_->List();
    done.Notify();
  });
  done.WaitForNotification();
  return list;
}

void InProcessHost::CutWires() {
  absl::MutexLock lock(&mutex_);
  for (int wire : wires_) shutdown(wire, SHUT_RDWR);
}

}  // namespace iris
