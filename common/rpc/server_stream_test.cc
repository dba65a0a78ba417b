#include "common/rpc/server_stream.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/failure/failure.h"
#include "common/rpc/server_reply.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

using ProbeReactor = grpc::ServerBidiReactor<v1::ProbeRequest, v1::ProbeResponse>;
using Wire = grpc::ClientReaderWriter<v1::ProbeRequest, v1::ProbeResponse>;

constexpr absl::Duration kDeadline = absl::Seconds(60);

// Does what a test says with every question, and counts what it hears of.
class Echo final : public ServerStream<v1::ProbeRequest, v1::ProbeResponse> {
 public:
  using OnQuestion = std::function<void(Echo&, uint64_t nonce)>;
  struct Heard {
    absl::Notification destroyed;
    bool destroyed_on_loop = false;
    std::vector<std::string> after_finish;
  };

  Echo(EventLoop& loop, OnQuestion on_question, Heard& heard)
      : ServerStream(loop), loop_(loop), on_question_(std::move(on_question)), heard_(heard) {}

  using ServerStream::Finish;
  using ServerStream::Read;
  void Answer(uint64_t nonce) {
    v1::ProbeResponse response;
    response.set_nonce(nonce);
    Write(std::move(response));
  }

 private:
  ~Echo() override {
    heard_.destroyed_on_loop = loop_.OnLoop();
    heard_.destroyed.Notify();
  }

  void OnBegin() override { Read(); }
  void OnRead(v1::ProbeRequest& request) override {
    if (finished()) heard_.after_finish.push_back("OnRead");
    on_question_(*this, request.nonce());
  }
  void OnNoMore() override {
    if (finished()) heard_.after_finish.push_back("OnNoMore");
    Finish(absl::OkStatus());
  }
  void OnWritten(bool ok) override {
    if (finished()) heard_.after_finish.push_back("OnWritten");
    if (ok) Read();
  }
  void OnGone() override {
    if (finished()) heard_.after_finish.push_back("OnGone");
  }

  EventLoop& loop_;
  const OnQuestion on_question_;
  Heard& heard_;
};

class ServerStreamTest : public ::testing::Test, private v1::Agent::CallbackService {
 protected:
  using ListReply = ServerReply<v1::ListResponse>;

  ServerStreamTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = v1::Agent::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  }
  ~ServerStreamTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kDeadline));
    server_->Wait();
  }

  static std::unique_ptr<grpc::ClientContext> NewContext() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kDeadline));
    return context;
  }
  static bool Ask(Wire& wire, uint64_t nonce) {
    v1::ProbeRequest request;
    request.set_nonce(nonce);
    return wire.Write(request);
  }
  // The code of List's end.
  FailureKind List() {
    v1::ListResponse response;
    return KindOf(
        FromGrpcStatus(stub_->List(&*NewContext(), v1::ListRequest(), &response), "list"));
  }

  v1::Agent::Stub& stub() { return *stub_; }

  Echo::OnQuestion on_question;
  std::function<void(ListReply)> on_list;
  std::unique_ptr<Echo::Heard> heard = std::make_unique<Echo::Heard>();

 private:
  ProbeReactor* Probe(grpc::CallbackServerContext*) override {
    return Echo::Serve<Echo>(loop_.loop(), on_question, *heard);
  }
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context, const v1::ListRequest*,
                                 v1::ListResponse* response) override {
    return ReplyOnLoop(loop_.loop(), context, response, on_list);
  }

  LoopThread loop_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Agent::Stub> stub_;
};

// gRPC's own functions cannot be reached from what derives.
static_assert(!std::is_convertible_v<Echo*, ProbeReactor*>);

TEST_F(ServerStreamTest, QuestionsAreAnsweredUntilTheClientHasNoMore) {
  on_question = [](Echo& echo, uint64_t nonce) { echo.Answer(nonce); };
  const auto context = NewContext();
  const auto wire = stub().Probe(&*context);
  v1::ProbeResponse response;
  for (uint64_t nonce = 1; nonce < 4; ++nonce) {
    ASSERT_TRUE(Ask(*wire, nonce) && wire->Read(&response));
    EXPECT_EQ(response.nonce(), nonce);
  }
  wire->WritesDone();
  EXPECT_TRUE(wire->Finish().ok());
  ASSERT_TRUE(heard->destroyed.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_TRUE(heard->destroyed_on_loop);
}

// gRPC frees a finished call on another thread, at any moment: hence the rounds.
TEST_F(ServerStreamTest, WhatIsStartedOnAFinishedCallDoesNothing) {
  on_question = [](Echo& echo, uint64_t nonce) {
    echo.Finish(MakeFailure(v1::FAILURE_CANCELLED, "enough"));
    for (int i = 0; i < 20; ++i) {
      echo.Answer(nonce);
      echo.Read();
      echo.Finish(absl::OkStatus());
    }
  };
  for (int round = 0; round < 200; ++round) {
    heard = std::make_unique<Echo::Heard>();
    const auto context = NewContext();
    const auto wire = stub().Probe(&*context);
    ASSERT_TRUE(Ask(*wire, 1));
    v1::ProbeResponse response;
    EXPECT_FALSE(wire->Read(&response));
    EXPECT_EQ(KindOf(FromGrpcStatus(wire->Finish(), "")), v1::FAILURE_CANCELLED);
    ASSERT_TRUE(heard->destroyed.WaitForNotificationWithTimeout(kDeadline));
    EXPECT_TRUE(heard->after_finish.empty()) << heard->after_finish[0];
  }
}

TEST_F(ServerStreamTest, WhatIsBeingWrittenGetsOutBeforeTheEnd) {
  on_question = [](Echo& echo, uint64_t nonce) {
    echo.Answer(nonce);
    echo.Finish(absl::OkStatus());
  };
  const auto context = NewContext();
  const auto wire = stub().Probe(&*context);
  v1::ProbeResponse response;
  ASSERT_TRUE(Ask(*wire, 7) && wire->Read(&response));
  EXPECT_EQ(response.nonce(), 7u);
  EXPECT_FALSE(wire->Read(&response));
  EXPECT_TRUE(wire->Finish().ok());
  ASSERT_TRUE(heard->destroyed.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_TRUE(heard->after_finish.empty());
}

TEST_F(ServerStreamTest, AUnaryCallIsAnsweredOnce) {
  on_list = [](const ListReply& reply) {
    reply.Give(MakeFailure(v1::FAILURE_TIMEOUT, "first"));
    reply.Give(v1::ListResponse());
  };
  EXPECT_EQ(List(), v1::FAILURE_TIMEOUT);
}

TEST_F(ServerStreamTest, AUnaryCallThatNobodyCanAnswerAnyMoreEnds) {
  on_list = [](const ListReply&) {};
  EXPECT_EQ(List(), v1::FAILURE_DROPPED);
}

}  // namespace
}  // namespace iris
