// The adapter alone: what a request asks of the desk, and how what that says gets back.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/notification.h"
#include "common/budget/byte_budget.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/desk/testing/fake_desk.h"
#include "coordinator/service/coordinator_service.h"
#include "gmock/gmock.h"
#include "grpcpp/channel.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class AdapterTest : public ::testing::Test {
 protected:
  AdapterTest() {
    OnLoop([this] { budget_ = std::make_unique<ByteBudget>(thread_.loop()); });
    service_ = std::make_unique<CoordinatorService>(thread_.loop(), desk_, *budget_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::Coordinator::NewStub(server_->InProcessChannel({}));
  }
  ~AdapterTest() override {
    server_->Shutdown();
    OnLoop([this] { budget_.reset(); });
  }

  void OnLoop(absl::FunctionRef<void()> task) { thread_.Run(task); }
  // Once the desk has been asked so; then `answer` is run on the loop.
  void WhenAsked(const std::string& asked, std::function<void()> answer) {
    auto look = std::make_shared<std::function<void()>>();
    *look = [this, asked, answer = std::move(answer), look] {
      if (desk_.asked == asked) {
        answer();
        *look = nullptr;
        return;
      }
      thread_.loop().Post(*look);
    };
    thread_.loop().Post(*look);
  }

  LoopThread thread_;
  FakeDesk desk_;
  std::unique_ptr<ByteBudget> budget_;
  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Coordinator::Stub> stub_;
};

TEST_F(AdapterTest, AWakeSaysForWhomWithWhatAndWhetherItTakesOver) {
  WhenAsked("notes@laptop takes over app", [this] {
    EXPECT_THAT(*desk_.lent, ElementsAre(Pair("SSH_AUTH_SOCK", "/agent")));
    v1::WakeResponse woken;
    woken.set_child_pid(42);
    desk_.wake_done(woken);
  });
  v1::WakeRequest request;
  request.set_from("notes@laptop");
  request.set_to("app");
  request.set_takeover(true);
  request.mutable_environment()->add_entries("SSH_AUTH_SOCK=/agent");
  grpc::ClientContext context;
  v1::WakeResponse response;
  ASSERT_TRUE(stub_->Wake(&context, request, &response).ok());
  EXPECT_EQ(response.child_pid(), 42);
}

TEST_F(AdapterTest, ASleepMayBeByForceAndItsFailureIsTheCalls) {
  WhenAsked("web sends app to sleep at once", [this] {
    EXPECT_EQ(desk_.lent, nullptr) << "none was said";
    desk_.sleep_done(MakeFailure(v1::FAILURE_BUSY_LIMIT, "it works", "Wait."));
  });
  v1::SleepRequest request;
  request.set_from("web");
  request.set_to("app");
  request.set_force(true);
  grpc::ClientContext context;
  v1::SleepResponse response;
  const absl::Status failed = FromGrpcStatus(stub_->Sleep(&context, request, &response), "");
  EXPECT_EQ(KindOf(failed), v1::FAILURE_BUSY_LIMIT);
  EXPECT_EQ(ToProto(failed).fix(), "Wait.");
}

TEST_F(AdapterTest, AListIsOfOneCallerOrOfAllAndLendsWhatItSays) {
  v1::ListTellsRequest request;
  request.set_from("web");
  request.set_all(true);
  request.mutable_environment()->add_entries("A=1");
  desk_.list.add_tells()->set_tell_id("t1");
  grpc::ClientContext context;
  v1::ListTellsResponse response;
  ASSERT_TRUE(stub_->ListTells(&context, request, &response).ok());
  EXPECT_EQ(response.tells(0).tell_id(), "t1");
  OnLoop([this] {
    EXPECT_EQ(desk_.listed, "web all");
    EXPECT_THAT(*desk_.lent, ElementsAre(Pair("A", "1")));
  });
}

TEST_F(AdapterTest, WhoeverDoesNotWaitDoesNotWaitForHisOwnTurn) {
  for (const bool no_wait : {false, true}) {
    v1::FollowTellRequest request;
    request.set_tell_id("settled");
    request.set_from("web");
    request.set_no_wait(no_wait);
    request.set_confirms(true);
    grpc::ClientContext context;
    const auto stream = stub_->FollowTell(&context, request);
    std::string answer;
    for (v1::TellUpdate update; stream->Read(&update);) answer += update.answer();
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(answer, "as before");
    OnLoop([&] {
      EXPECT_EQ(desk_.asked, "web follows settled");
      EXPECT_EQ(desk_.follower_waits, !no_wait);
    });
  }
}

TEST_F(AdapterTest, WhatWasSentWholeIsReadUnlessTheFrontEndSaysSoItself) {
  v1::FollowTellRequest request;
  request.set_tell_id("settled");
  request.set_from("web");
  grpc::ClientContext context;
  const auto stream = stub_->FollowTell(&context, request);
  for (v1::TellUpdate update; stream->Read(&update);) {
  }
  EXPECT_TRUE(stream->Finish().ok());
  absl::Notification read;
  WhenAsked("web has read settled", [&] { read.Notify(); });
  EXPECT_TRUE(read.WaitForNotificationWithTimeout(absl::Minutes(1)));
}

TEST_F(AdapterTest, AStopSaysHowMuchIsToEnd) {
  WhenAsked("stops agents too by force", [this] {
    v1::StopResponse stopped;
    stopped.set_agents_stopped(3);
    desk_.stop_done(stopped);
  });
  v1::StopRequest request;
  request.set_agents(true);
  request.set_force(true);
  grpc::ClientContext context;
  v1::StopResponse response;
  ASSERT_TRUE(stub_->Stop(&context, request, &response).ok());
  EXPECT_EQ(response.agents_stopped(), 3u);
}

TEST_F(AdapterTest, WhereAsManyWaitAsMayOthersAreRefusedAndWhoeverLooksIsNot) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::TellUpdate>>> streams;
  for (size_t i = 0; i < OpenCalls::kMax; ++i) {
    v1::FollowTellRequest request;
    request.set_tell_id("t" + std::to_string(i));
    request.set_from("web");
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub_->FollowTell(contexts.back().get(), request));
    v1::TellUpdate accepted;
    ASSERT_TRUE(streams.back()->Read(&accepted)) << i;
  }
  v1::WakeRequest wake;
  v1::WakeResponse woken;
  grpc::ClientContext waking, looking;
  EXPECT_EQ(KindOf(FromGrpcStatus(stub_->Wake(&waking, wake, &woken), "")), v1::FAILURE_BUSY_LIMIT);
  v1::GetStatusResponse status;
  EXPECT_TRUE(stub_->GetStatus(&looking, {}, &status).ok());
  for (const auto& context : contexts) context->TryCancel();
  for (const auto& stream : streams) stream->Finish();
}

}  // namespace
}  // namespace iris
