#include "coordinator/link/testing/fake_host.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/rpc/grpc_failure.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_posix.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.grpc.pb.h"

namespace iris {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(10);  // At a flag that has no condition.

}  // namespace

class FakeHost::HostConnector final : public Connector {
 public:
  explicit HostConnector(FakeHost& host) : host_(host) {}
  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>& cancelled) override {
    return host_.Connect(on_progress, cancelled);
  }

 private:
  FakeHost& host_;
};

class FakeHost::Client final : public WireOwner {
 public:
  explicit Client(FakeHost& host) : host_(host) {}
  ~Client() override {
    absl::MutexLock lock(&host_.mutex_);
    --host_.clients_;
  }
  absl::string_view name() const override { return "the client"; }
  absl::Status WhyEnded() override {
    absl::MutexLock lock(&host_.mutex_);
    ++host_.ending_;
    host_.mutex_.Await(absl::Condition(
        +[](FakeHost* host)
             ABSL_EXCLUSIVE_LOCKS_REQUIRED(host->mutex_) { return !host->ends_held_; },
        &host_));
    --host_.ending_;
    return host_.client_says_;
  }

 private:
  FakeHost& host_;
};

class FakeHost::Service final : public v1::Agent::Service {
 public:
  explicit Service(FakeHost& host) : host_(host) {}

 private:
  grpc::Status Probe(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ProbeResponse, v1::ProbeRequest>* stream) override {
    v1::ProbeRequest request;
    while (stream->Read(&request)) {
      while (host_.silent() && !context->IsCancelled()) absl::SleepFor(kLook);
      v1::ProbeResponse response;
      response.set_nonce(request.nonce());
      if (!stream->Write(response)) break;
    }
    return grpc::Status::OK;
  }

  grpc::Status Shutdown(grpc::ServerContext* context, const v1::ShutdownRequest* request,
                        v1::ShutdownResponse* response) override {
    const absl::Status outcome = host_.OnShutdown(*request, response);
    while (host_.silent() && !context->IsCancelled()) absl::SleepFor(kLook);
    return ToGrpcStatus(outcome);
  }
  grpc::Status List(grpc::ServerContext*, const v1::ListRequest*,
                    v1::ListResponse* response) override {
    *response = host_.sessions();
    return grpc::Status::OK;
  }
  grpc::Status Acquire(grpc::ServerContext*, const v1::AcquireRequest*,
                       v1::AcquireResponse* response) override {
    response->set_epoch(1);
    return grpc::Status::OK;
  }
  grpc::Status Open(grpc::ServerContext*, const v1::OpenRequest*,
                    v1::OpenResponse* response) override {
    response->mutable_child()->set_pid(1);
    return grpc::Status::OK;
  }
  grpc::Status Attach(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::AttachResponse, v1::AttachRequest>* stream) override {
    v1::AttachResponse response;
    response.mutable_attached()->mutable_position()->set_journal_id("journal");
    bool open = stream->Write(response);
    for (uint64_t seq = 1; open && !context->IsCancelled();) {
      if (!host_.floods()) absl::SleepFor(kLook);
      absl::optional<v1::Event> event = host_.Says();
      if (!event.has_value()) continue;
      event->set_seq(seq++);
      v1::AttachResponse said;
      *said.mutable_events()->add_events() = *std::move(event);
      open = stream->Write(said);
      ++host_.events_said_;
    }
    ++host_.attaches_ended_;
    return grpc::Status::OK;
  }

  FakeHost& host_;
};

FakeHost::FakeHost() : service_(std::make_unique<Service>(*this)) {
  grpc::ServerBuilder builder;
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
}

FakeHost::~FakeHost() {
  Silence(false);
  CutWires();
  server_->Shutdown();
  server_->Wait();
  absl::MutexLock lock(&mutex_);
  for (int wire : wires_) close(wire);
}

std::unique_ptr<Connector> FakeHost::MakeConnector() {
  return std::make_unique<HostConnector>(*this);
}

absl::StatusOr<Connection> FakeHost::Connect(const Connector::OnProgress& on_progress,
                                             const std::atomic<bool>& cancelled) {
  on_progress({.stage = ConnectProgress::Stage::kConnecting, .text = "connecting"});
  absl::MutexLock lock(&mutex_);
  ++attempts_;
  EXPECT_EQ(++connecting_, 1) << "two attempts at once";
  EXPECT_EQ(clients_, 0) << "an attempt beside a client of an earlier life";
  if (!refuses_) on_progress({.stage = ConnectProgress::Stage::kStarting, .text = "starting"});
  while (held_ && !cancelled) {
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](FakeHost* host) ABSL_EXCLUSIVE_LOCKS_REQUIRED(host->mutex_) {
                                  return !host->held_;
                                },
                                this),
                            kLook);
  }
  --connecting_;
  if (!outcome_.ok()) return outcome_;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  ServeLocked(ScopedFd(ends[1]));
  Connection connection;
  connection.hello.set_host_id(host_id_);
  connection.hello.set_build_number(build_number_);
  connection.wire.Reset(ends[0]);
  connection.mode = LinkMode::kStdio;
  if (!client_says_.ok()) {
    ++clients_;
    connection.facts = {{.name = "clientPid", .value = "4711"}};
    connection.owner = std::make_unique<Client>(*this);
  }
  return connection;
}

void FakeHost::ServeLocked(ScopedFd fd) {
  wires_.push_back(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  grpc::AddInsecureChannelFromFd(server_.get(), fd.Release());
}

void FakeHost::Serve(ScopedFd fd) {
  absl::MutexLock lock(&mutex_);
  ServeLocked(std::move(fd));
}

void FakeHost::CallItself(const std::string& host_id) {
  absl::MutexLock lock(&mutex_);
  host_id_ = host_id;
}

void FakeHost::Holds(const v1::ListResponse& sessions) {
  absl::MutexLock lock(&mutex_);
  sessions_ = sessions;
}

void FakeHost::RunsBuild(uint32_t number) {
  absl::MutexLock lock(&mutex_);
  build_number_ = number;
}

v1::ListResponse FakeHost::sessions() const {
  absl::MutexLock lock(&mutex_);
  return sessions_;
}

absl::Status FakeHost::OnShutdown(const v1::ShutdownRequest& request,
                                  v1::ShutdownResponse* response) {
  absl::MutexLock lock(&mutex_);
  ++shutdowns_;
  last_shutdown_ = request;
  *response = shutdown_response_;
  return shutdown_outcome_;
}

void FakeHost::AnswerShutdown(const absl::Status& outcome, const v1::ShutdownResponse& response) {
  absl::MutexLock lock(&mutex_);
  shutdown_outcome_ = outcome;
  shutdown_response_ = response;
}

v1::ShutdownRequest FakeHost::last_shutdown() const {
  absl::MutexLock lock(&mutex_);
  return last_shutdown_;
}

int FakeHost::shutdowns() const {
  absl::MutexLock lock(&mutex_);
  return shutdowns_;
}

void FakeHost::AnswerWith(const absl::Status& outcome) {
  absl::MutexLock lock(&mutex_);
  outcome_ = outcome;
  refuses_ = false;
}

void FakeHost::Refuse(const absl::Status& outcome) {
  absl::MutexLock lock(&mutex_);
  outcome_ = outcome;
  refuses_ = true;
}

void FakeHost::Hold() {
  absl::MutexLock lock(&mutex_);
  held_ = true;
}

void FakeHost::HoldEnds() {
  absl::MutexLock lock(&mutex_);
  ends_held_ = true;
}

void FakeHost::Release() {
  absl::MutexLock lock(&mutex_);
  held_ = ends_held_ = false;
}

void FakeHost::Silence(bool silent) {
  absl::MutexLock lock(&mutex_);
  silent_ = silent;
}

void FakeHost::Speak(bool speaks) {
  absl::MutexLock lock(&mutex_);
  speaks_ = speaks;
}

void FakeHost::Flood(const v1::Event& event) {
  absl::MutexLock lock(&mutex_);
  flood_ = event;
}

bool FakeHost::floods() const {
  absl::MutexLock lock(&mutex_);
  return flood_.has_value();
}

absl::optional<v1::Event> FakeHost::Says() const {
  absl::MutexLock lock(&mutex_);
  if (flood_.has_value() || !speaks_) return flood_;
  v1::Event event;
  event.mutable_output()->set_bytes("x");
  event.mutable_output()->set_more(true);
  return event;
}

bool FakeHost::silent() const {
  absl::MutexLock lock(&mutex_);
  return silent_;
}

void FakeHost::ClientSays(const absl::Status& words) {
  absl::MutexLock lock(&mutex_);
  client_says_ = words;
}

void FakeHost::CutWires() {
  absl::MutexLock lock(&mutex_);
  for (int wire : wires_) shutdown(wire, SHUT_RDWR);
}

int FakeHost::attempts() const {
  absl::MutexLock lock(&mutex_);
  return attempts_;
}

int FakeHost::running() const {
  absl::MutexLock lock(&mutex_);
  return connecting_ + ending_;
}

int FakeHost::clients() const {
  absl::MutexLock lock(&mutex_);
  return clients_;
}

}  // namespace iris
