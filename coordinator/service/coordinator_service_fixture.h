#ifndef IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_FIXTURE_H_
#define IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_FIXTURE_H_

#include <grpcpp/channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/base/ids.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/desk/desk_fixture.h"
#include "coordinator/desk/frame_bytes.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gtest/gtest.h"

// The service over the desk of fake sessions, asked as a front end asks it.
namespace iris {

inline constexpr size_t kFrameBytesMax = kFrontEndFrameBytesMax;

// What a front end has in hand at the end of a Tell.
struct Told {
  absl::Status call;
  std::vector<v1::TellUpdate::KindCase> kinds;  // Without repeats.
  std::string answer;
  size_t largest_frame = 0;
  v1::TellSettled settled;
};

class CoordinatorServiceTest : public DeskTest {
 protected:
  void SetUp() override {
    DeskTest::SetUp();
    service_ = std::make_unique<CoordinatorService>(thread_.loop(), *desk_, *budget_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::Coordinator::NewStub(server_->InProcessChannel({}));
  }
  void TearDown() override {
    server_->Shutdown();
    DeskTest::TearDown();
  }

  static v1::TellRequest ToGpu(const std::string& id) {
    v1::TellRequest request;
    request.set_tell_id(id);
    request.set_from("cli");
    request.set_to("gpu");
    return request;
  }
  static void WriteText(grpc::ClientReaderWriter<v1::TellRequest, v1::TellUpdate>& stream,
                        v1::TellRequest request, const std::string& text) {
    for (size_t at = 0; at == 0 || at < text.size(); at += kFrameBytesMax) {
      request.set_text(text.substr(at, kFrameBytesMax));
      request.set_last(at + kFrameBytesMax >= text.size());
      if (!stream.Write(request)) return;
      request.Clear();
    }
  }
  Told Tell(const v1::TellRequest& request, const std::string& text) {
    grpc::ClientContext context;
    const auto stream = stub_->Tell(&context);
    WriteText(*stream, request, text);
    return ReadAll(*stream);
  }
  Told Follow(const std::string& id, bool no_wait = false, const std::string& from = "cli",
              const std::string& claude_session_id = "") {
    grpc::ClientContext context;
    v1::FollowTellRequest request;
    request.set_tell_id(id);
    request.set_from(from);
    request.set_no_wait(no_wait);
    request.set_claude_session_id(claude_session_id);
    return ReadAll(*stub_->FollowTell(&context, request));
  }
  template <typename Stream>
  static Told ReadAll(Stream& stream) {
    Told told;
    for (v1::TellUpdate update; stream.Read(&update);) {
      if (told.kinds.empty() || told.kinds.back() != update.kind_case()) {
        told.kinds.push_back(update.kind_case());
      }
      told.answer += update.answer();
      told.largest_frame = std::max(told.largest_frame, update.answer().size());
      if (update.has_settled()) told.settled = update.settled();
    }
    told.call = FromGrpcStatus(stream.Finish(), "tell");
    return told;
  }
  // Submits a tell that nobody follows; it stays open with HoldScript.
  std::string Detached(const std::string& text) {
    v1::TellRequest request = ToGpu(NewUuid());
    request.set_detach(true);
    EXPECT_TRUE(Tell(request, text).call.ok());
    return request.tell_id();
  }
  void Answer(const std::string& id, const std::string& text) {
    OnLoop([&] { EchoScript(factory_->Between("cli", "gpu"), id, text); });
  }
  std::vector<v1::TellSummary> List(const std::string& from, bool all = false) {
    grpc::ClientContext context;
    v1::ListTellsRequest request;
    request.set_from(from);
    request.set_all(all);
    v1::ListTellsResponse list;
    EXPECT_TRUE(stub_->ListTells(&context, request, &list).ok());
    return {list.tells().begin(), list.tells().end()};
  }
  absl::StatusOr<v1::CancelTellOfResponse> Cancel(const std::string& id,
                                                  const std::string& from = "cli") {
    grpc::ClientContext context;
    v1::CancelTellOfRequest request;
    request.set_tell_id(id);
    request.set_from(from);
    v1::CancelTellOfResponse response;
    const absl::Status status =
        FromGrpcStatus(stub_->CancelTell(&context, request, &response), "cancel");
    if (!status.ok()) return status;
    return response;
  }
  // Once the reactor of every call has gone.
  void ExpectNoOpenCalls() {
    absl::Notification none;
    std::function<void()> look = [&] {
      if (service_->open_calls() == 0) return none.Notify();
      thread_.loop().Post(look);
    };
    thread_.loop().Post(look);
    EXPECT_TRUE(none.WaitForNotificationWithTimeout(absl::Minutes(1)));
  }

  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Coordinator::Stub> stub_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_FIXTURE_H_
