#include "agent/service/service_fixture.h"

#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/rpc/grpc_failure.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/channel_arguments.h"
#include "nlohmann/json.hpp"

namespace iris {

using nlohmann::json;

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() +
                        absl::ToChronoMilliseconds(kServiceDeadline));
  return context;
}

// ----------------------------------------------------------------------------------------- Reader

Reader::Reader(v1::Agent::Stub& stub) : context_(NewContext()), stream_(stub.Attach(&*context_)) {}

Reader::~Reader() {
  if (finished_) return;
  Cancel();
  (void)Finish();
}

v1::AttachResponse Reader::Start(const std::string& session_id, uint64_t epoch,
                                 uint64_t credit_bytes, const std::optional<v1::Position>& after) {
  v1::AttachRequest request;
  request.mutable_start()->set_session_id(session_id);
  request.mutable_start()->set_epoch(epoch);
  request.mutable_start()->set_credit_bytes(credit_bytes);
  if (after.has_value()) *request.mutable_start()->mutable_after() = *after;
  v1::AttachResponse response;
  if (!Send(request) || !stream_->Read(&response)) return v1::AttachResponse();
  position_ = response.has_reset() ? response.reset().position() : response.attached().position();
  if (after.has_value() && response.has_attached()) position_ = *after;
  return response;
}

void Reader::SendFrame(const std::string& tell_id, const std::string& text, bool last) {
  v1::AttachRequest request;
  request.mutable_tell()->set_tell_id(tell_id);
  request.mutable_tell()->set_text(text);
  request.mutable_tell()->set_last(last);
  Send(request);
}

void Reader::SendTell(const std::string& tell_id, const std::string& text) {
  SendFrame(tell_id, text, /*last=*/true);
}

void Reader::SendCredit(uint64_t bytes) {
  v1::AttachRequest request;
  request.mutable_credit()->set_bytes(bytes);
  Send(request);
}

void Reader::SendAck(uint64_t seq) {
  v1::AttachRequest request;
  *request.mutable_ack()->mutable_position() = position_;
  request.mutable_ack()->mutable_position()->set_seq(seq);
  Send(request);
}

std::optional<std::vector<v1::Event>> Reader::Next() {
  v1::AttachResponse response;
  if (!stream_->Read(&response)) return std::nullopt;
  const auto& batch = response.events().events();
  for (const v1::Event& event : batch) {
    EXPECT_EQ(event.seq(), position_.seq() + 1);  // No gap, ever.
    position_.set_seq(event.seq());
  }
  return std::vector<v1::Event>(batch.begin(), batch.end());
}

std::vector<v1::Event> Reader::ReadUntilSettled(const std::string& tell_id) {
  std::vector<v1::Event> events;
  while (events.empty() || events.back().settled().tell_id() != tell_id) {
    const std::optional<std::vector<v1::Event>> batch = Next();
    if (!batch.has_value()) {
      ADD_FAILURE() << "the call ended first: " << Finish();
      break;
    }
    for (const v1::Event& event : *batch) {
      events.push_back(event);
      if (event.settled().tell_id() == tell_id) break;
    }
  }
  return events;
}

absl::Status Reader::Finish() {
  if (std::exchange(finished_, true)) return absl::UnknownError("finished before");
  stream_->WritesDone();
  v1::AttachResponse ignored;
  while (stream_->Read(&ignored)) {
  }
  return FromGrpcStatus(stream_->Finish(), "attach");
}

// -------------------------------------------------------------------------------- ServiceFixture

ServiceFixture::ServiceFixture() {
  BecomeLikeTheAgent();
  spec.set_cwd(scratch.path());
  spec.set_claude_path(StubClaude());
  spec.set_team("gpu");
  sessions_ = std::make_unique<SessionTable>(
      loop_, SessionContext{.incarnation = NewUuid(),
                            .hostname = "gpu1",
                            .keeper_program = KeeperProgram(),
                            .home = scratch.path(),
                            .sessions_dir = scratch.path(),
                            .program_dirs = {},
                            // A sanitized stub may leave what it likes at its end.
                            .child_env = {"PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0"}});
  service_ = AgentService::Make(loop_, *sessions_,
                                {.get_host =
                                     [] {
                                       v1::GetHostResponse host;
                                       host.mutable_hello()->set_hostname("gpu1");
                                       return host;
                                     },
                                 .on_shutdown = [this] { left.Notify(); }});
  grpc_service_ = MakeGrpcService(loop_, *service_);
  grpc::ServerBuilder builder;
  builder.RegisterService(&*grpc_service_);
  server_ = builder.BuildAndStart();
  stub_ = v1::Agent::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  thread_ = std::thread([this] { loop_.Run(); });
}

ServiceFixture::~ServiceFixture() {
  absl::Notification closed;
  Do([&] {
    service_->EndStreams();
    sessions_->CloseAll([&](size_t) { closed.Notify(); });
  });
  EXPECT_TRUE(closed.WaitForNotificationWithTimeout(kServiceDeadline));
  server_->Shutdown(std::chrono::system_clock::now() +
                    absl::ToChronoMilliseconds(kServiceDeadline));
  server_->Wait();
  loop_.Stop();
  thread_.join();
  EXPECT_EQ(service_->open_streams(), 0u);
  EXPECT_TRUE(HaveNoChildren());
}

void ServiceFixture::Do(const std::function<void()>& task) {
  absl::Notification done;
  loop_.Post([&] {
    task();
    done.Notify();
  });
  // Not an assertion: what the task refers to is gone when this returns.
  if (!done.WaitForNotificationWithTimeout(kServiceDeadline)) std::abort();
}

absl::Status ServiceFixture::Acquire(const v1::AcquireRequest& request,
                                     v1::AcquireResponse* response) {
  return FromGrpcStatus(stub_->Acquire(&*NewContext(), request, response), "acquire");
}

absl::Status ServiceFixture::Open(uint64_t epoch, v1::OpenResponse* response) {
  v1::OpenRequest request;
  request.set_session_id(session_id);
  request.set_epoch(epoch);
  *request.mutable_spec() = spec;
  return FromGrpcStatus(stub_->Open(&*NewContext(), request, response), "open");
}

absl::Status ServiceFixture::Close(uint64_t epoch, v1::CloseResponse* response) {
  v1::CloseRequest request;
  request.set_session_id(session_id);
  request.set_epoch(epoch);
  request.set_grace_ms(50);
  return FromGrpcStatus(stub_->Close(&*NewContext(), request, response), "close");
}

absl::Status ServiceFixture::Shutdown(bool only_if_idle, v1::ShutdownResponse* response) {
  v1::ShutdownRequest request;
  request.set_only_if_idle(only_if_idle);
  return Shutdown(request, response);
}

absl::Status ServiceFixture::Shutdown(const v1::ShutdownRequest& request,
                                      v1::ShutdownResponse* response) {
  return FromGrpcStatus(stub_->Shutdown(&*NewContext(), request, response), "shutdown");
}

v1::SessionInfo ServiceFixture::Info() {
  v1::ListResponse list;
  EXPECT_TRUE(stub_->List(&*NewContext(), v1::ListRequest(), &list).ok());
  for (const v1::SessionInfo& info : list.sessions()) {
    if (info.session_id() == session_id) return info;
  }
  return v1::SessionInfo();
}

uint64_t ServiceFixture::Lease() {
  v1::AcquireRequest request;
  request.set_session_id(session_id);
  request.set_coordinator_id(coordinator_id);
  request.set_label("me@laptop");
  v1::AcquireResponse response;
  EXPECT_TRUE(Acquire(request, &response).ok());
  return response.epoch();
}

uint64_t ServiceFixture::Takeover() {
  v1::AcquireRequest request;
  request.set_session_id(session_id);
  request.set_coordinator_id(NewUuid());
  request.set_label("me@desktop");
  request.set_takeover(true);
  v1::AcquireResponse response;
  EXPECT_TRUE(Acquire(request, &response).ok());
  return response.epoch();
}

uint64_t ServiceFixture::LeaseAndOpen() {
  const uint64_t epoch = Lease();
  v1::OpenResponse response;
  const absl::Status opened = Open(epoch, &response);
  EXPECT_TRUE(opened.ok()) << opened;
  return epoch;
}

// ----------------------------------------------------------------------------------------- events

std::string OutputOf(const std::vector<v1::Event>& events) {
  std::string text;
  for (const v1::Event& event : events) {
    if (!event.has_output()) continue;
    text += event.output().bytes();
    if (!event.output().more()) text += '\n';
  }
  return text;
}

std::string AnswerIn(const std::vector<v1::Event>& events) {
  std::string text;
  for (absl::string_view line : absl::StrSplit(OutputOf(events), '\n', absl::SkipEmpty())) {
    const json message = json::parse(line.begin(), line.end(), nullptr, false);
    if (!message.is_object() || message.value("type", "") != "assistant") continue;
    for (const json& block : message["message"]["content"]) text += block.value("text", "");
  }
  return text;
}

v1::Failure OutcomeIn(const std::vector<v1::Event>& events) {
  if (!events.empty() && events.back().has_settled()) return events.back().settled().failure();
  v1::Failure failure;
  failure.set_kind(v1::FAILURE_INTERNAL);
  failure.set_detail("not settled");
  return failure;
}

}  // namespace iris
