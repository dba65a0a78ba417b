// Everything but the sending: following, cancelling, waking, looking.

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/service/coordinator_service_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Le;
using ::testing::Not;
using ::testing::Pair;

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

TEST_F(CoordinatorServiceTest, AFrontEndThatConfirmsHasFetchedAnAnswerWhenItSaysSo) {
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_confirms(true);
  EXPECT_EQ(Tell(request, "x").answer, "x");
  ExpectNoOpenCalls();
  ASSERT_EQ(List("cli").size(), 1u);
  EXPECT_FALSE(List("cli")[0].fetched());

  const auto mark = [&](const std::string& id, const std::string& from) {
    grpc::ClientContext context;
    v1::MarkFetchedRequest marked;
    marked.set_tell_id(id);
    marked.set_from(from);
    v1::MarkFetchedResponse response;
    return KindOf(FromGrpcStatus(stub_->MarkFetched(&context, marked, &response), ""));
  };
  EXPECT_EQ(mark(request.tell_id(), "gpu"), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(mark(NewUuid(), "cli"), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(List("cli").size(), 1u);
  EXPECT_EQ(mark(request.tell_id(), "cli"), v1::FAILURE_UNSPECIFIED);
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

TEST_F(CoordinatorServiceTest, TheAskersEnvironmentIsTheMessagesOwn) {
  ASSERT_EQ(setenv("OF_THE_DAEMON", "1", 1), 0);
  v1::TellRequest request = ToGpu(NewUuid());
  for (const char* entry :
       {"SSH_AUTH_SOCK=/run/agent", "HTTPS_PROXY=http://proxy", "CLAUDECODE=1", "no variable"}) {
    request.mutable_environment()->add_entries(entry);
  }
  (*request.mutable_lent_env())["DISPLAY"] = "of an older field";
  Tell(request, "x");
  OnLoop([&] {
    const auto all =
        ElementsAre(Pair("HTTPS_PROXY", "http://proxy"), Pair("SSH_AUTH_SOCK", "/run/agent"));
    EXPECT_THAT(*factory_->Between("cli", "gpu").team().asker.environment, all);
  });
}

TEST_F(CoordinatorServiceTest, WhoLooksAfterMessagesOfAnEarlierCoordinatorLendsItsEnvironment) {
  script_ = HoldScript;
  const std::vector<std::string> ids = {NewUuid(), NewUuid(), NewUuid()};
  const std::vector<std::string> callers = {"cli", "backend", "web"};
  OnLoop([&] {
    for (const char* name : {"backend", "web"}) file_.teams.push_back({.name = name, .path = "/p"});
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::string session_id = store_->GetOrCreateSession(callers[i], "gpu")->session_id;
      ASSERT_TRUE(store_->AddTell(ids[i], session_id, "x").ok());
    }
    ASSERT_TRUE(orchestrator_->ResumeOpenTells().ok());
  });
  const auto env_of = [this](const std::string& caller) {
    std::string keys = "none";
    OnLoop([&] {
      const SharedEnvironment env = factory_->Between(caller, "gpu").team().asker.environment;
      if (env != nullptr) keys = env->at("SSH_AUTH_SOCK");
    });
    return keys;
  };
  v1::Environment env;
  env.add_entries("SSH_AUTH_SOCK=/of/follow");
  v1::FollowTellRequest follow;
  follow.set_tell_id(ids[0]);
  follow.set_from("cli");
  follow.set_no_wait(true);
  *follow.mutable_environment() = env;
  grpc::ClientContext following;
  EXPECT_TRUE(ReadAll(*stub_->FollowTell(&following, follow)).call.ok());
  EXPECT_EQ(env_of("cli"), "/of/follow");
  EXPECT_EQ(env_of("backend"), "none");

  env.set_entries(0, "SSH_AUTH_SOCK=/of/cancel");
  v1::CancelTellOfRequest cancel;
  cancel.set_tell_id(ids[1]);
  cancel.set_from("backend");
  *cancel.mutable_environment() = env;
  grpc::ClientContext cancelling;
  v1::CancelTellOfResponse cancelled;
  EXPECT_TRUE(stub_->CancelTell(&cancelling, cancel, &cancelled).ok());
  EXPECT_EQ(env_of("backend"), "/of/cancel");

  env.set_entries(0, "SSH_AUTH_SOCK=/of/list");
  v1::ListTellsRequest list;
  *list.mutable_environment() = env;
  grpc::ClientContext listing;
  v1::ListTellsResponse listed;
  EXPECT_TRUE(stub_->ListTells(&listing, list, &listed).ok());
  EXPECT_EQ(env_of("web"), "/of/list");
  EXPECT_EQ(env_of("cli"), "/of/follow") << "somebody has asked for it";
}

TEST_F(CoordinatorServiceTest, OfAnOlderFrontEndOnlyTheNamedVariablesAreLent) {
  ASSERT_EQ(setenv("OF_THE_DAEMON", "1", 1), 0);
  v1::TellRequest request = ToGpu(NewUuid());
  (*request.mutable_lent_env())["SSH_AUTH_SOCK"] = "/run/agent";
  (*request.mutable_lent_env())["LD_PRELOAD"] = "/evil.so";
  (*request.mutable_lent_env())["DISPLAY"] = std::string(5000, 'x');
  Tell(request, "x");
  OnLoop([&] {
    const Environment lent = *factory_->Between("cli", "gpu").team().asker.environment;
    EXPECT_THAT(lent, Contains(Pair("SSH_AUTH_SOCK", "/run/agent")));
    EXPECT_THAT(lent, Contains(Pair("OF_THE_DAEMON", "1")));
    EXPECT_THAT(lent, Not(Contains(Key("LD_PRELOAD"))));
    EXPECT_THAT(lent, Not(Contains(Pair("DISPLAY", std::string(5000, 'x')))));
  });
}

TEST_F(CoordinatorServiceTest, WakeAndSleepAnswerWhenTheyAreThrough) {
  v1::WakeRequest wake;
  wake.set_from("cli");
  wake.set_to("gpu");
  wake.mutable_environment()->add_entries("SSH_AUTH_SOCK=/run/agent");
  v1::WakeResponse woken;
  grpc::ClientContext wake_context, sleep_context;
  ASSERT_TRUE(stub_->Wake(&wake_context, wake, &woken).ok());
  EXPECT_GT(woken.child_pid(), 0);
  OnLoop([&] {
    EXPECT_TRUE(factory_->Between("cli", "gpu").ready());
    EXPECT_THAT(*factory_->Between("cli", "gpu").team().asker.environment,
                ElementsAre(Pair("SSH_AUTH_SOCK", "/run/agent")));
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

TEST_F(CoordinatorServiceTest, AClaudeOfATeamIsToldWhoseItIs) {
  const v1::TellRequest request = ToGpu(NewUuid());
  Tell(request, "x");
  std::string session_id;
  OnLoop([&] { session_id = store_->FindTell(request.tell_id())->value().session_id; });
  const auto own_team = [this](const std::string& claude_session_id) {
    grpc::ClientContext context;
    v1::ListTeamsRequest asked;
    asked.set_claude_session_id(claude_session_id);
    v1::ListTeamsResponse teams;
    EXPECT_TRUE(stub_->ListTeams(&context, asked, &teams).ok());
    return teams.own_team();
  };
  EXPECT_EQ(own_team(session_id), "gpu");
  EXPECT_EQ(own_team(NewUuid()), "");
  EXPECT_EQ(own_team(""), "");
}

TEST_F(CoordinatorServiceTest, StatusTeamsAndStopAnswer) {
  Tell(ToGpu(NewUuid()), "x");
  grpc::ClientContext status_context, teams_context, stop_context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(stub_->GetStatus(&status_context, {}, &status).ok());
  EXPECT_EQ(status.uptime_ms(), 1234);
  EXPECT_EQ(status.links(0).key(), "local");
  EXPECT_EQ(status.sessions(0).tells_done(), 1u);
  EXPECT_TRUE(status.sessions(0).is_local());

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
