#include "coordinator/service/coordinator_service.h"

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
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::Le;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr size_t kFrameBytesMax = 256 << 10;

// Leaves every tell open.
void HoldScript(FakeTransport&, const std::string&, const std::string&) {}

class FakeDaemon : public DaemonControl {
 public:
  v1::GetStatusResponse Status() const override {
    v1::GetStatusResponse response;
    response.set_uptime_ms(1234);
    response.add_links()->set_key("local");
    return response;
  }
  void AskHosts(HostReportsDone done) override { done({}); }
  void Lend(const std::map<std::string, std::string>& env) override { lent = env; }
  void Stop(bool agents, std::function<void(const v1::StopResponse&)> done) override {
    v1::StopResponse response;
    response.set_agents_stopped(agents ? 2 : 0);
    done(response);
  }

  std::map<std::string, std::string> lent;
};

// What a front end has in hand at the end of a Tell.
struct Told {
  absl::Status call;
  std::vector<v1::TellUpdate::KindCase> kinds;  // Without repeats.
  std::string answer;
  size_t largest_frame = 0;
  v1::TellSettled settled;
};

class CoordinatorServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OnLoop([this] {
      store_ = *Store::Open({.path = dir_.File("iris.db")});
      factory_ = std::make_unique<FakeTransportFactory>(
          thread_.loop(), [this](FakeTransport& transport, const std::string& id,
                                 const std::string& text) { script_(transport, id, text); });
      orchestrator_ = std::make_unique<Orchestrator>(thread_.loop(), *store_, config_, *factory_);
    });
    service_ =
        std::make_unique<CoordinatorService>(thread_.loop(), *orchestrator_, config_, daemon_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::Coordinator::NewStub(server_->InProcessChannel({}));
  }
  void TearDown() override {
    server_->Shutdown();
    OnLoop([this] { orchestrator_.reset(); });
  }

  void OnLoop(const std::function<void()>& task) {
    absl::Notification done;
    thread_.loop().Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
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
  Told Follow(const std::string& id, bool no_wait = false, const std::string& from = "cli") {
    grpc::ClientContext context;
    v1::FollowTellRequest request;
    request.set_tell_id(id);
    request.set_from(from);
    request.set_no_wait(no_wait);
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

  ScratchDir dir_;
  LiveConfig config_{dir_.File("config.json"), [](const std::string&) {
                       return Config{.teams = {{.name = "gpu", .path = "/g", .color = "#ff0000"}}};
                     }};
  FakeScript script_ = EchoScript;
  FakeDaemon daemon_;
  LoopThread thread_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FakeTransportFactory> factory_;
  std::unique_ptr<Orchestrator> orchestrator_;
  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Coordinator::Stub> stub_;
};

TEST_F(CoordinatorServiceTest, ATellIsAcceptedAnsweredAndSettled) {
  const Told told = Tell(ToGpu(NewUuid()), "grüße");
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_THAT(told.kinds, ElementsAre(v1::TellUpdate::kAccepted, v1::TellUpdate::kAnswer,
                                      v1::TellUpdate::kSettled));
  EXPECT_EQ(told.answer, "grüße");
  EXPECT_FALSE(told.settled.has_failure());
  EXPECT_EQ(told.settled.answer_bytes(), told.answer.size());
  ExpectNoOpenCalls();
}

TEST_F(CoordinatorServiceTest, SixteenMebibytesArriveByteForByteInFrames) {
  std::string answer;
  while (answer.size() < (16 << 20)) answer += "line " + std::to_string(answer.size()) + " €\n";
  script_ = [&](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, answer);
    transport.Settle(id, absl::OkStatus());
  };
  const Told told = Tell(ToGpu(NewUuid()), "much");
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_TRUE(told.answer == answer);
  EXPECT_THAT(told.largest_frame, Le(kFrameBytesMax));
}

TEST_F(CoordinatorServiceTest, AMessageOfTheLargestSizeArrivesWholeAndALargerOneIsRefused) {
  const std::string largest(kTellBytesMax, 'x');
  EXPECT_TRUE(Tell(ToGpu(NewUuid()), largest).answer == largest);

  const Told refused = Tell(ToGpu(NewUuid()), largest + "x");
  EXPECT_EQ(KindOf(refused.call), v1::FAILURE_BAD_REQUEST);
}

TEST_F(CoordinatorServiceTest, AFailedTellCarriesItsPartialText) {
  script_ = [](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, "half");
    transport.Settle(id, MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9", "Again."));
  };
  const Told told = Tell(ToGpu(NewUuid()), "x");
  EXPECT_TRUE(told.call.ok());
  EXPECT_EQ(told.answer, "half");
  EXPECT_EQ(told.settled.failure().kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(told.settled.failure().fix(), "Again.");
}

TEST_F(CoordinatorServiceTest, ARefusedTellIsAFailedCall) {
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_to("gup");
  const Told told = Tell(request, "x");
  EXPECT_EQ(KindOf(told.call), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(told.kinds, testing::IsEmpty());
  EXPECT_THAT(ToProto(told.call).fix(), testing::HasSubstr("gpu"));
}

TEST_F(CoordinatorServiceTest, ADetachedCallEndsOnceTheTellIsStored) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_detach(true);
  const Told told = Tell(request, "slow");
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_THAT(told.kinds, ElementsAre(v1::TellUpdate::kAccepted));

  ExpectNoOpenCalls();
  OnLoop([&] { EchoScript(factory_->Between("cli", "gpu"), request.tell_id(), "done"); });
  request.set_detach(false);
  EXPECT_EQ(Tell(request, "slow").answer, "done");
}

TEST_F(CoordinatorServiceTest, AClientThatGoesMidWayLeavesTheTellRunning) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  const std::string id = NewUuid();
  {
    grpc::ClientContext context;
    const auto stream = stub_->Tell(&context);
    WriteText(*stream, ToGpu(id), "slow");
    v1::TellUpdate update;
    ASSERT_TRUE(stream->Read(&update));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ExpectNoOpenCalls();
  OnLoop([&] {
    EXPECT_FALSE(orchestrator_->idle());
    EchoScript(factory_->Between("cli", "gpu"), id, "done");
  });
  EXPECT_EQ(Tell(ToGpu(id), "slow").answer, "done");
}

TEST_F(CoordinatorServiceTest, AClientThatGoesBeforeItsMessageIsCompleteLeavesNothing) {
  {
    grpc::ClientContext context;
    const auto stream = stub_->Tell(&context);
    ASSERT_TRUE(stream->Write(ToGpu(NewUuid())));
    context.TryCancel();
    stream->Finish();
  }
  ExpectNoOpenCalls();
  OnLoop([&] { EXPECT_TRUE(orchestrator_->idle()); });

  grpc::ClientContext context;
  const auto half = stub_->Tell(&context);
  ASSERT_TRUE(half->Write(ToGpu(NewUuid())));
  ASSERT_TRUE(half->WritesDone());
  EXPECT_EQ(KindOf(FromGrpcStatus(half->Finish(), "x")), v1::FAILURE_BAD_REQUEST);
}

TEST_F(CoordinatorServiceTest, AServerThatGoesEndsTheCallsThatFollowATell) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  grpc::ClientContext context;
  const auto stream = stub_->Tell(&context);
  WriteText(*stream, ToGpu(NewUuid()), "slow");
  v1::TellUpdate update;
  ASSERT_TRUE(stream->Read(&update));

  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_FALSE(stream->Finish().ok());
  ExpectNoOpenCalls();
}

TEST_F(CoordinatorServiceTest, ATellIsFollowedByItsIdLaterAndThenItIsFetched) {
  script_ = HoldScript;
  const std::string id = Detached("slow");
  EXPECT_THAT(Follow(id, /*no_wait=*/true).kinds, ElementsAre(v1::TellUpdate::kAccepted));
  Answer(id, "done");
  ASSERT_EQ(List("cli").size(), 1u);
  EXPECT_EQ(List("cli")[0].tell_id(), id);
  EXPECT_EQ(List("cli")[0].answer_bytes(), 4u);
  EXPECT_EQ(List("cli")[0].preview(), "slow");

  const Told told = Follow(id);
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_THAT(told.kinds, ElementsAre(v1::TellUpdate::kAccepted, v1::TellUpdate::kAnswer,
                                      v1::TellUpdate::kSettled));
  EXPECT_EQ(told.answer, "done");
  ExpectNoOpenCalls();
  EXPECT_THAT(List("cli"), testing::IsEmpty());
  EXPECT_EQ(List("", /*all=*/true).at(0).fetched(), true);
  EXPECT_EQ(Follow(id, /*no_wait=*/true).answer, "done");
}

TEST_F(CoordinatorServiceTest, WhoFollowsAnOpenTellHearsTheEnd) {
  script_ = HoldScript;
  const std::string id = Detached("slow");
  const std::string answer(2 << 20, 'x');
  std::thread later([&] {
    // Once the call below follows it.
    absl::Notification followed;
    std::function<void()> look = [&] {
      if (service_->open_calls() == 1) return followed.Notify();
      thread_.loop().Post(look);
    };
    thread_.loop().Post(look);
    followed.WaitForNotification();
    Answer(id, answer);
  });
  const Told told = Follow(id);
  later.join();
  EXPECT_TRUE(told.answer == answer);
  EXPECT_THAT(told.largest_frame, Le(kFrameBytesMax));
  ExpectNoOpenCalls();
  EXPECT_THAT(List("cli"), testing::IsEmpty());
}

TEST_F(CoordinatorServiceTest, WhoGoesBeforeTheEndHasNotFetchedIt) {
  script_ = HoldScript;
  const std::string id = NewUuid();
  {
    grpc::ClientContext context;
    const auto stream = stub_->Tell(&context);
    WriteText(*stream, ToGpu(id), "slow");
    v1::TellUpdate update;
    ASSERT_TRUE(stream->Read(&update));
    context.TryCancel();
    stream->Finish();
  }
  ExpectNoOpenCalls();
  Answer(id, "done");
  ASSERT_EQ(List("cli").size(), 1u);
  EXPECT_FALSE(List("cli")[0].fetched());

  EXPECT_EQ(Tell(ToGpu(id), "slow").answer, "done");
  ExpectNoOpenCalls();
  EXPECT_THAT(List("cli"), testing::IsEmpty());
}

TEST_F(CoordinatorServiceTest, OnlyItsSenderAndThePersonFollowAndCancelATell) {
  script_ = HoldScript;
  const std::string id = Detached("slow");
  EXPECT_EQ(KindOf(Follow(id, true, "gpu").call), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(KindOf(Cancel(id, "gpu").status()), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(KindOf(Follow(NewUuid()).call), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Cancel(NewUuid()).status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(List("gpu"), testing::IsEmpty());
  ExpectNoOpenCalls();
}

TEST_F(CoordinatorServiceTest, CancellingEndsAQueuedTellAndOneInFlight) {
  script_ = HoldScript;
  const std::string running = Detached("1"), queued = Detached("2");
  EXPECT_EQ(Cancel(queued)->failure().kind(), v1::FAILURE_CANCELLED);
  EXPECT_EQ(Cancel(running)->failure().kind(), v1::FAILURE_CANCELLED);
  EXPECT_THAT(List("cli"), testing::IsEmpty());
  EXPECT_TRUE(Cancel(running)->was_settled());
  EXPECT_EQ(Follow(running).settled.failure().kind(), v1::FAILURE_CANCELLED);
  ExpectNoOpenCalls();
  OnLoop([&] { EXPECT_TRUE(orchestrator_->idle()); });
}

TEST_F(CoordinatorServiceTest, OnlyTheNamedVariablesAreLent) {
  v1::TellRequest request = ToGpu(NewUuid());
  (*request.mutable_lent_env())["SSH_AUTH_SOCK"] = "/run/agent";
  (*request.mutable_lent_env())["LD_PRELOAD"] = "/evil.so";
  (*request.mutable_lent_env())["DISPLAY"] = std::string(5000, 'x');
  Tell(request, "x");
  OnLoop([&] {
    EXPECT_THAT(daemon_.lent, UnorderedElementsAre(Pair("SSH_AUTH_SOCK", "/run/agent")));
  });
}

TEST_F(CoordinatorServiceTest, WakeAndSleepAnswerWhenTheyAreThrough) {
  v1::WakeRequest wake;
  wake.set_from("cli");
  wake.set_to("gpu");
  (*wake.mutable_lent_env())["SSH_AUTH_SOCK"] = "/run/agent";
  v1::WakeResponse woken;
  grpc::ClientContext wake_context, sleep_context;
  ASSERT_TRUE(stub_->Wake(&wake_context, wake, &woken).ok());
  EXPECT_GT(woken.child_pid(), 0);
  OnLoop([&] {
    EXPECT_TRUE(factory_->Between("cli", "gpu").ready());
    EXPECT_THAT(daemon_.lent, UnorderedElementsAre(Pair("SSH_AUTH_SOCK", "/run/agent")));
  });

  v1::SleepRequest sleep;
  sleep.set_from("cli");
  sleep.set_to("gpu");
  v1::SleepResponse slept;
  ASSERT_TRUE(stub_->Sleep(&sleep_context, sleep, &slept).ok());
  EXPECT_TRUE(slept.was_running());
  OnLoop([&] { EXPECT_FALSE(factory_->Between("cli", "gpu").ready()); });
  ExpectNoOpenCalls();
}

TEST_F(CoordinatorServiceTest, AWakeOrASleepThatFailsIsAFailedCall) {
  OnLoop([&] { factory_->hosts().start = MakeFailure(v1::FAILURE_AUTH, "no", "Log in."); });
  v1::WakeRequest wake;
  wake.set_from("cli");
  wake.set_to("gpu");
  v1::WakeResponse woken;
  grpc::ClientContext wake_context, sleep_context;
  const absl::Status failed = FromGrpcStatus(stub_->Wake(&wake_context, wake, &woken), "wake");
  EXPECT_EQ(KindOf(failed), v1::FAILURE_AUTH);
  EXPECT_EQ(ToProto(failed).fix(), "Log in.");

  v1::SleepRequest sleep;
  sleep.set_from("cli");
  sleep.set_to("nobody");
  v1::SleepResponse slept;
  EXPECT_EQ(KindOf(FromGrpcStatus(stub_->Sleep(&sleep_context, sleep, &slept), "sleep")),
            v1::FAILURE_BAD_REQUEST);
  ExpectNoOpenCalls();
}

TEST_F(CoordinatorServiceTest, StatusTeamsAndStopAnswer) {
  Tell(ToGpu(NewUuid()), "x");
  grpc::ClientContext status_context, teams_context, stop_context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(stub_->GetStatus(&status_context, {}, &status).ok());
  EXPECT_EQ(status.uptime_ms(), 1234);
  EXPECT_EQ(status.links(0).key(), "local");
  EXPECT_EQ(status.sessions(0).tells_done(), 1u);

  v1::ListTeamsResponse teams;
  ASSERT_TRUE(stub_->ListTeams(&teams_context, {}, &teams).ok());
  EXPECT_EQ(teams.teams(0).name(), "gpu");
  EXPECT_EQ(teams.teams(0).color(), "#ff0000");

  v1::StopRequest stop;
  v1::StopResponse stopped;
  stop.set_agents(true);
  ASSERT_TRUE(stub_->Stop(&stop_context, stop, &stopped).ok());
  EXPECT_EQ(stopped.agents_stopped(), 2u);
}

}  // namespace
}  // namespace iris
