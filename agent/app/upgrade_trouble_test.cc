// What may be in the way of an upgrade in place: the real programs, with the stub claude.
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "agent/app/program_fixture.h"
#include "agent/app/upgrade_fixture.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/listener.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/version/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class UpgradeTroubleTest : public AgentUpgradeTest {
 protected:
  // Its claude lost its agent in the middle of `text`, a held SLOW, and finishes it.
  void ExpectTheSurvivorsAnswer(const std::string& id, const std::string& text) {
    EXPECT_EQ(attached_.attached().state(), v1::SESSION_DRAINING);
    Repeat(id, text);
    LetGo();
    ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
    EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
    EXPECT_EQ(AnswerTo(id), TwentyWords());
  }
};

TEST_F(UpgradeTroubleTest, TwoBuildsSideBySideDoNotFlap) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  const std::string incarnation = bridge_->hello.incarnation();
  for (const std::string& program : {OlderProgram(), Program(), OlderProgram()}) {
    program_ = program;
    const Bridge bridge = Connect({"--data", Home()});
    EXPECT_EQ(bridge.hello.build_number(), kBuildNumber);
    EXPECT_EQ(bridge.hello.incarnation(), incarnation);
    EXPECT_EQ(Leave(bridge), 0);
  }
}

TEST_F(UpgradeTroubleTest, ABuildThatWillNotDoIsRefusedWithTheReason) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell(Held("SLOW"));
  const std::string crashes = scratch_.File("crashes");
  std::ofstream(crashes) << "#!/bin/sh\nexit 7\n";
  chmod(crashes.c_str(), 0700);
  EXPECT_THAT(Offer(crashes).error_message(), HasSubstr("exit code 7"));
  const std::string open_to_others = Script("exit 1");
  chmod(open_to_others.c_str(), 0777);
  EXPECT_THAT(Offer(open_to_others).error_message(), HasSubstr("0777"));
  const Bridge later = Connect({"--data", Home()});
  EXPECT_THAT(later.hello.upgrade_refused(), HasSubstr("0777"));
  EXPECT_EQ(later.hello.incarnation(), bridge_->hello.incarnation());
  EXPECT_EQ(Leave(later), 0);
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  ExpectNothingStays();
}

TEST_F(UpgradeTroubleTest, ABuildThatCannotBeExecutedLeavesTheOldOneAtWork) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell(Held("SLOW"));
  // It runs once, for `version`.
  const std::string build = Script("exit 1");
  std::ofstream(build) << "#!/bin/sh\necho iris-agent 9.0.0 build 9 handover 1-1\nchmod 0600 "
                       << build << "\n";
  EXPECT_THAT(Offer(build).error_message(), HasSubstr("exec"));
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(Ask("COUNT"), "2");
  ExpectNothingStays();
}

TEST_F(UpgradeTroubleTest, KilledRightAfterExecItIsAnAgentThatWasKilled) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  EXPECT_EQ(Offer(Script("kill -KILL $$")).error_code(), grpc::StatusCode::UNAVAILABLE);
  const pid_t killed = agent_;
  Lose();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_NE(agent_, killed);
  Repeat(id, text);
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_EQ(CountSettled(id), 1u);
  ExpectNothingStays();
}

TEST_F(UpgradeTroubleTest, KilledLaterItIsAnAgentThatWasKilled) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  KillAgent();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, text);
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(Ask("COUNT"), "2");
  ExpectNothingStays();
}

// Its children are survivors then, and children of this very process.
// Its locks are free for a moment: this process recovers, or one that a bridge has started.
TEST_F(UpgradeTroubleTest, ABuildThatLosesTheStateRecoversAsAfterADeath) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  const pid_t claude = ClaudesPid();
  const std::string build = Script(absl::StrCat("exec ", Program(), " serve --home ", Home(),
                                                " --data ", Home(), " --handed-over 999"));
  EXPECT_EQ(Offer(build).error_code(), grpc::StatusCode::UNAVAILABLE);
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ASSERT_NO_FATAL_FAILURE(ExpectTheSurvivorsAnswer(id, text));
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_FALSE(Exists(claude));
  ExpectNothingStays();
}

TEST_F(UpgradeTroubleTest, ABuildThatCannotListenWhereTheOldOneDidLeavesTheChildToItsTurn) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  const pid_t claude = ClaudesPid();
  // On the way its listening sockets are lost; the child's pipes are not.
  const std::string build = Script(
      absl::StrCat("exec bash -c 'for fd in /proc/$$/fd/*; do case $(readlink $fd) in socket:*) "
                   "eval \"exec ${fd##*/}<&-\";; esac; done; exec ",
                   Program(), " \"$@\"' x \"$@\""));
  EXPECT_EQ(Offer(build).error_code(), grpc::StatusCode::UNAVAILABLE);
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ASSERT_NO_FATAL_FAILURE(ExpectTheSurvivorsAnswer(id, text));
  EXPECT_FALSE(Exists(claude));
  ExpectNothingStays();
}

// More of it is unread than answers may be: that is no fault of claude's.
TEST_F(UpgradeTroubleTest, AClaudeThatHasNotReadItsMessageYetIsNotTakenForDeaf) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  EXPECT_EQ(Ask("COUNT"), "1");
  const pid_t claude = ClaudesPid();
  kill(claude, SIGSTOP);
  const std::string text = absl::StrCat("HANG\n", std::string(5'000'000, 'x'));
  const std::string id = NewUuid();
  for (size_t at = 0; at < text.size(); at += 200'000) {
    reader_->SendFrame(id, text.substr(at, 200'000), at + 200'000 >= text.size());
  }
  ASSERT_NO_FATAL_FAILURE(
      ReadUntil([&](const v1::Event& event) { return event.written().tell_id() == id; }));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  // claude is asked to stop, behind the message.
  grpc::Status cancelled;
  std::thread cancelling([&] {
    v1::CancelTellRequest request;
    request.set_session_id(session_id_);
    request.set_epoch(epoch_);
    request.set_tell_id(id);
    v1::CancelTellResponse response;
    cancelled = stub_->CancelTell(&*NewContext(), request, &response);
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(List().sessions(0).state(), v1::SESSION_BUSY);
  kill(claude, SIGCONT);
  cancelling.join();
  EXPECT_TRUE(cancelled.ok()) << cancelled.error_message();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(KindOf(OutcomeOf(id)), v1::FAILURE_CANCELLED) << OutcomeOf(id).detail();
  EXPECT_EQ(Ask("PID"), absl::StrCat(claude));
  ExpectNothingStays();
}

// Its stream ends with the old program; in the new one nobody would acknowledge that again.
TEST_F(UpgradeTroubleTest, WhatIsKeptForAFencedReaderAloneGoesBefore) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const auto take_over = [this](const std::string& coordinator) {
    v1::AcquireRequest request;
    request.set_session_id(session_id_);
    request.set_coordinator_id(coordinator);
    request.set_takeover(true);
    v1::AcquireResponse response;
    EXPECT_TRUE(stub_->Acquire(&*NewContext(), request, &response).ok());
    return response.epoch();
  };
  auto fenced = std::make_unique<Reader>(*stub_);
  fenced->Start(session_id_, take_over(NewUuid()), /*credit_bytes=*/256 << 10);
  const std::string id = NewUuid();
  fenced->SendTell(id, Held("WAIT") + "\nBIG 1000000");
  ASSERT_TRUE(Eventually([&] { return List().sessions(0).state() == v1::SESSION_BUSY; }));
  epoch_ = take_over(coordinator_id_);
  Attach();
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  for (int i = 0; i < 3; ++i) {
    reader_->SendAck(position_->seq());
    Ask("WAIT 0.1");  // What came before is durable then.
  }
  EXPECT_GT(List().sessions(0).journal_bytes(), 1'000'000u);
  const std::string build = Script(absl::StrCat("exec ", Program(), " \"$@\""));
  EXPECT_EQ(Offer(build).error_code(), grpc::StatusCode::UNAVAILABLE);
  fenced.reset();
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  EXPECT_LT(List().sessions(0).journal_bytes(), 100'000u);
  ExpectNothingStays();
}

// An agent of before there was an Upgrade: it is used as it is.
TEST_F(UpgradeTroubleTest, ABridgeJoinsAnAgentThatIsTooOldForIt) {
  class Old final : public v1::Agent::Service {
    grpc::Status GetHost(grpc::ServerContext*, const v1::GetHostRequest*,
                         v1::GetHostResponse* response) override {
      response->set_links(77);
      return grpc::Status::OK;
    }
  } service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  LoopThread thread;
  std::unique_ptr<Listener> listener;
  const auto on_loop = [&thread](const std::function<void()>& step) {
    absl::Notification done;
    thread.loop().Post([&] {
      step();
      done.Notify();
    });
    done.WaitForNotification();
  };
  setenv("XDG_RUNTIME_DIR", Runtime().c_str(), 1);
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", Home());
  unsetenv("XDG_RUNTIME_DIR");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  v1::Hello hello;
  hello.set_incarnation(NewUuid());
  hello.set_build("0.0.9");
  on_loop([&] {
    listener = *Listener::Start(
        thread.loop(), *endpoint, [&] { return FrameHello(hello.SerializeAsString()); },
        [&](ScopedFd fd) { grpc::AddInsecureChannelFromFd(server.get(), fd.Release()); });
  });

  program_ = Program();
  Bridge bridge = StartBridge({"--home", Home()}, Env());
  const absl::StatusOr<std::string> greeting = ReadHello(bridge.io.get(), Soon());
  ASSERT_TRUE(greeting.ok()) << greeting.status();
  ASSERT_TRUE(bridge.hello.ParseFromString(*greeting));
  EXPECT_EQ(bridge.hello.build(), "0.0.9");
  std::unique_ptr<v1::Agent::Stub> stub = StubOver(std::move(bridge.io));
  v1::GetHostResponse host;
  ASSERT_TRUE(stub->GetHost(&*NewContext(), {}, &host).ok());
  EXPECT_EQ(host.links(), 77u);
  stub.reset();
  EXPECT_EQ(ExitCodeOf(bridge), 0);
  on_loop([&] { listener.reset(); });
  server->Shutdown(std::chrono::system_clock::now());
}

}  // namespace
}  // namespace iris
