#include "agent/session/live_child.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/claude/stream_json.h"
#include "agent/session/claim.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/fake_child.h"
#include "agent/testing/held_work.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

// A session's child that is no process, and the parts that hear what happens.
class LiveChildTest : public PartFixture,
                      protected LiveChildSink,
                      protected RequestSink,
                      protected InFlightSink {
 protected:
  LiveChildTest() {
    std::filesystem::create_directory(scratch.File("project"));
    const std::string program = scratch.File("claude");
    std::ofstream(program) << "#!/bin/sh\n";
    chmod(program.c_str(), 0700);
    launch.set_team("gpu");
    launch.set_cwd(scratch.File("project"));
    launch.set_claude_path(program);
    launch.set_ask_permissions(true);
    EXPECT_TRUE(spec.Renew(launch).ok());
  }

  // It answers `initialize`.
  void MakeReady() {
    live.Start();
    ASSERT_NE(child, nullptr) << why;
    const std::string id = TextIn(ParsePeerJson(child->written().back()), "request_id");
    child->Say(absl::StrCat(R"({"type":"control_response","response":{"subtype":"success",)",
                            R"("request_id":")", id, R"(","response":{}}})"));
  }
  void End(int code) {
    child->Exit(code);
    child->Go();
  }
  static std::string Who() { return "claude"; }

  void OnChildReady() override { heard.emplace_back("ready"); }
  void OnStartFailed(const absl::Status& failure) override {
    heard.emplace_back("failed");
    why = failure;
  }
  void OnChildGone() override { heard.emplace_back("gone"); }
  void OnDecision(const std::string& id, const std::string& decision) override {
    live.Decide(id, decision);
  }
  void OnRefusal(const std::string& id, const std::string& no) override { live.Refuse(id, no); }
  void OnAsked(const std::string&, const std::string&) override {}
  void OnAnswered(const std::string&) override {}
  void OnTellSettled() override { live.OnTellSettled(); }
  void OnTurnOver() override {}
  void OnWedged() override {}

  v1::LaunchSpec launch;
  SessionContext context{.host_id = "host",
                         .boot_id = "boot",
                         .pid_namespace = "pid:[1]",
                         .hostname = "gpu1",
                         .keeper_program = "/no/keeper",
                         .home = scratch.path(),
                         .program_dirs = {},
                         .child_env = {"PATH=/usr/bin:/bin"}};
  std::vector<std::string> heard;
  absl::Status why;
  SessionSpec spec{context, kA, *files, nullptr};
  HeldClaim claim{kA, context, *files, [this] { return spec.ClaimFile(); }, Who};
  HeldWork reading{/*at_once=*/true};
  Replay replay{*log, [] { return [] { return std::string(); }; }, Who, &reading};
  TellQueue queue{files->tells(), *log, replay, [] { return absl::OkStatus(); }, Who};
  OpenRequests requests{loop, absl::Hours(24), *log, *this, Who};
  ChildEnd end{Who};
  InFlight in_flight{loop, *log, replay, queue, end, requests, *this, Who};
  FakeChild* child = nullptr;
  std::function<void()> on_start;  // Happens at the moment in which one is started.
  LiveChild live{loop,
                 context,
                 kA,
                 {*files, *log, spec, claim, queue, requests, end, in_flight},
                 [this](EventLoop& on, const ChildSpec& what, ChildSink& sink) {
                   if (on_start != nullptr) on_start();
                   return FakeChild::Into(&child)(on, what, sink);
                 },
                 *this,
                 Who};
};

TEST_F(LiveChildTest, IsKnownToTheNextAgentFromItsStartToItsEnd) {
  EXPECT_EQ(live.phase(), LiveChild::Phase::kNone);
  MakeReady();
  EXPECT_THAT(heard, ElementsAre("ready"));
  EXPECT_EQ(live.phase(), LiveChild::Phase::kReady);
  EXPECT_EQ(files->state().child().keeper(), FakeChild::kKeeper);
  EXPECT_EQ(files->state().child().claim(), claim.held_path());
  v1::SessionInfo running, over;
  live.Describe(running);
  EXPECT_EQ(running.child().claude_path(), launch.claude_path());
  End(0);
  EXPECT_THAT(heard, ElementsAre("ready", "gone"));
  EXPECT_EQ(child, nullptr);
  EXPECT_FALSE(files->state().has_child());
  EXPECT_FALSE(claim.is_held());
  live.Describe(over);
  EXPECT_FALSE(over.has_child());
}

TEST_F(LiveChildTest, OneThatCannotBeStartedHasNoClaim) {
  launch.set_cwd(scratch.File("nowhere"));
  ASSERT_TRUE(spec.Renew(launch).ok());
  live.Start();
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_BAD_REQUEST);
  EXPECT_FALSE(live.exists());
  EXPECT_FALSE(claim.is_held());
}

TEST_F(LiveChildTest, OneWhoseSessionAnotherHostTakesAtTheSameMomentLeavesNothingBehind) {
  const std::string file = spec.ClaimFile();
  on_start = [&] {
    const Claim theirs{.host_id = "other",
                       .hostname = "gpu2",
                       .boot_id = "other",
                       .pid_namespace = "pid:[2]",
                       .process = {.pid = 1},
                       .since = absl::Now()};
    ASSERT_TRUE(TakeClaim(file, theirs, /*takeover=*/true).ok());
  };
  live.Start();
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_WRONG_HOST);
  EXPECT_EQ(child, nullptr);
  EXPECT_FALSE(live.exists());
  EXPECT_FALSE(files->state().has_child());
  EXPECT_FALSE(claim.is_held());
  const auto claimed = ReadClaim(file);
  ASSERT_TRUE(claimed.ok() && claimed->has_value());
  EXPECT_EQ((*claimed)->hostname, "gpu2");
}

TEST_F(LiveChildTest, OneThatIsNotReadyInTimeIsEnded) {
  launch.set_init_timeout_ms(1000);
  ASSERT_TRUE(spec.Renew(launch).ok());
  live.Start();
  Pass(absl::Seconds(1));
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(live.phase(), LiveChild::Phase::kClosing);
  EXPECT_TRUE(child->stdin_closed());
  End(0);
  EXPECT_THAT(heard, ElementsAre("failed", "gone"));
}

TEST_F(LiveChildTest, OneThatEndsBeforeItIsReadyHasFailed) {
  live.Start();
  End(3);
  EXPECT_THAT(heard, ElementsAre("failed", "gone"));
  EXPECT_THAT(std::string(why.message()), HasSubstr("exit code 3"));
}

TEST_F(LiveChildTest, ItsTellFailsWithIt) {
  MakeReady();
  queue.Offer(kA, "x", false, false, /*opened=*/true);
  in_flight.WriteNext();
  EXPECT_EQ(child->written().back(), MessageLine(kA, "x"));
  End(3);
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(queue.PhaseOf(kA), v1::TellState::SETTLED);
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_CHILD_EXITED"));
}

TEST_F(LiveChildTest, OneThatIsGoneMakesRoomWhenItsTellIsSettled) {
  MakeReady();
  queue.Offer(kA, "x", false, false, /*opened=*/true);
  in_flight.WriteNext();
  reading.Hold();
  End(3);
  EXPECT_EQ(child, nullptr);
  EXPECT_FALSE(live.has_process());
  EXPECT_FALSE(files->state().has_child());
  EXPECT_FALSE(claim.is_held());
  EXPECT_EQ(live.phase(), LiveChild::Phase::kClosing);
  EXPECT_TRUE(live.exists());
  EXPECT_NE(live.WhyNoHandover(), "");
  live.End(absl::ZeroDuration(), v1::Exited::CLOSED);
  EXPECT_THAT(heard, ElementsAre("ready"));
  reading.DoOne();
  EXPECT_THAT(heard, ElementsAre("ready", "gone"));
  EXPECT_EQ(live.phase(), LiveChild::Phase::kNone);
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_CHILD_EXITED"));
}

TEST_F(LiveChildTest, WhatItAsksIsAnsweredOrDroppedWithIt) {
  MakeReady();
  child->Say(
      R"({"type":"control_request","request_id":"p1","request":{"subtype":"can_use_tool"}})");
  child->Say(
      R"({"type":"control_request","request_id":"p2","request":{"subtype":"can_use_tool"}})");
  ASSERT_TRUE(requests.Answer("p1", R"({"behavior":"allow"})").ok());
  EXPECT_THAT(child->written().back(), HasSubstr("allow"));
  live.End(absl::Seconds(2), v1::Exited::CLOSED);
  EXPECT_TRUE(requests.empty());
  child->Say(
      R"({"type":"control_request","request_id":"p3","request":{"subtype":"can_use_tool"}})");
  EXPECT_TRUE(requests.empty());
}

TEST_F(LiveChildTest, OneThatNobodyUsesIsEnded) {
  launch.set_idle_timeout_ms(60'000);
  ASSERT_TRUE(spec.Renew(launch).ok());
  MakeReady();
  live.Idle();
  Pass(absl::Seconds(59));
  EXPECT_EQ(live.phase(), LiveChild::Phase::kReady);
  Pass(absl::Seconds(1));
  EXPECT_EQ(live.phase(), LiveChild::Phase::kClosing);
  EXPECT_EQ(end.reason(), v1::Exited::IDLE);
}

TEST_F(LiveChildTest, OneThatIsUsedAgainStays) {
  launch.set_idle_timeout_ms(60'000);
  ASSERT_TRUE(spec.Renew(launch).ok());
  MakeReady();
  live.Idle();
  live.EndIdling();
  Pass(absl::Hours(1));
  EXPECT_EQ(live.phase(), LiveChild::Phase::kReady);
}

TEST_F(LiveChildTest, OneThatIsLaunchedOtherwiseByNowIsEnded) {
  MakeReady();
  EXPECT_FALSE(live.EndIfOutdated());
  launch.add_args("--model=other");
  ASSERT_TRUE(spec.Renew(launch).ok());
  EXPECT_TRUE(live.EndIfOutdated());
  EXPECT_EQ(live.phase(), LiveChild::Phase::kClosing);
}

TEST_F(LiveChildTest, OnlyOneThatIsReadyIsHandedOver) {
  EXPECT_EQ(live.WhyNoHandover(), "");
  live.Start();
  EXPECT_EQ(live.WhyNoHandover(), "claude is starting");
  live.End(absl::Seconds(2), v1::Exited::CLOSED);
  EXPECT_EQ(live.WhyNoHandover(), "claude is being ended");
}

// ----------------------------------------------------- where its host takes a while to look at

// Another thread looks for what is started, at the claim, for the transcript, and at the claim once
// more.
class LiveChildWaitsTest : public LiveChildTest {
 protected:
  LiveChildWaitsTest() { context.slow_work = &work; }
  // What it is started with is known, its session is claimed, and its transcript was looked for.
  void Prepare() {
    live.Start();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(live.phase(), LiveChild::Phase::kStarting);
      EXPECT_FALSE(live.has_process());
      work.DoOne();
    }
  }
  void Initialized() {
    ASSERT_NE(child, nullptr);
    const std::string id = TextIn(ParsePeerJson(child->written().back()), "request_id");
    child->Say(absl::StrCat(R"({"type":"control_response","response":{"subtype":"success",)",
                            R"("request_id":")", id, R"(","response":{}}})"));
  }
  HeldWork work;
};

TEST_F(LiveChildWaitsTest, ItIsStartingUntilItsClaimIsTakenAndHeld) {
  live.Start();
  EXPECT_TRUE(live.exists());
  EXPECT_FALSE(live.has_process());
  EXPECT_EQ(live.phase(), LiveChild::Phase::kStarting);
  EXPECT_EQ(live.state(), v1::SESSION_STARTING);
  EXPECT_EQ(live.WhyNoHandover(), "claude is starting");
  for (int i = 0; i < 3; ++i) work.DoOne();
  ASSERT_NE(child, nullptr);
  EXPECT_TRUE(child->written().empty());
  work.DoOne();
  Initialized();
  EXPECT_THAT(heard, ElementsAre("ready"));
}

TEST_F(LiveChildWaitsTest, OneThatIsEndedBeforeItHasAProcessNeverGetsOne) {
  live.Start();
  live.End(absl::Seconds(2), v1::Exited::CLOSED);
  EXPECT_EQ(live.phase(), LiveChild::Phase::kClosing);
  EXPECT_TRUE(heard.empty());
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("gone"));
  EXPECT_EQ(child, nullptr);
  EXPECT_FALSE(live.exists());
  EXPECT_FALSE(std::filesystem::exists(spec.ClaimFile()));
}

TEST_F(LiveChildWaitsTest, OneThatEndsWhileItsClaimIsLookedAtIsNotSpokenTo) {
  Prepare();
  ASSERT_NE(child, nullptr);
  live.End(absl::Seconds(2), v1::Exited::CLOSED);
  work.DoAll();
  EXPECT_TRUE(child->written().empty());
  End(0);
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("gone"));
}

TEST_F(LiveChildWaitsTest, TheClaimOfOneThatIsGoneSaysNothingOfTheNext) {
  Prepare();
  ASSERT_NE(child, nullptr);
  End(3);
  live.Start();
  work.DoOne();
  EXPECT_EQ(live.phase(), LiveChild::Phase::kStarting);
  EXPECT_EQ(child, nullptr);
  work.DoAll();
  Initialized();
  EXPECT_THAT(heard, ElementsAre("failed", "gone", "ready"));
}

TEST_F(LiveChildWaitsTest, WhatNobodyCanLookAtStartsNothing) {
  for (int done = 0; done < 3; ++done) {
    live.Start();
    for (int i = 0; i < done; ++i) work.DoOne();
    work.BeLate();
    EXPECT_EQ(heard.back(), "failed");
    EXPECT_EQ(KindOf(why), v1::FAILURE_STORAGE);
    EXPECT_EQ(live.phase(), LiveChild::Phase::kNone);
    work.DoAll();
    EXPECT_EQ(child, nullptr);
    EXPECT_FALSE(std::filesystem::exists(spec.ClaimFile()));
  }
  EXPECT_EQ(heard.size(), 3u);
}

TEST_F(LiveChildWaitsTest, OneMayBeEndedAtEachStepBeforeItHasAProcess) {
  for (int done = 0; done < 3; ++done) {
    live.Start();
    for (int i = 0; i < done; ++i) work.DoOne();
    live.End(absl::Seconds(2), v1::Exited::CLOSED);
    work.DoAll();
    EXPECT_EQ(heard.back(), "gone");
    EXPECT_EQ(child, nullptr);
    EXPECT_FALSE(std::filesystem::exists(spec.ClaimFile()));
  }
  EXPECT_EQ(heard.size(), 3u);
}

TEST_F(LiveChildWaitsTest, ATranscriptThatAnotherHostHasWrittenUntilTheClaimIsResumed) {
  live.Start();
  work.DoOne();
  work.DoOne();
  const std::filesystem::path projects =
      std::filesystem::path(spec.ClaimFile()).parent_path().parent_path();
  std::filesystem::create_directories(projects / "-elsewhere");
  std::ofstream(projects / "-elsewhere" / (kA + ".jsonl")).flush();
  work.DoAll();
  Initialized();
  EXPECT_TRUE(live.Opened(/*started=*/true).resumed());
}

TEST_F(LiveChildWaitsTest, AClaimThatNobodyCanLookAtStartsNothing) {
  live.Start();
  work.DoOne();
  work.BeLate();
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_STORAGE);
  EXPECT_FALSE(live.exists());
  work.DoAll();
}

TEST_F(LiveChildWaitsTest, ATakeoverThatComesMeanwhileCounts) {
  const Claim theirs{.host_id = "other",
                     .hostname = "gpu2",
                     .boot_id = "other",
                     .pid_namespace = "pid:[2]",
                     .process = {.pid = 1},
                     .since = absl::Now()};
  ASSERT_TRUE(TakeClaim(spec.ClaimFile(), theirs, /*takeover=*/false).ok());
  live.Start();
  work.DoOne();
  claim.TakeOverNext();
  work.DoAll();
  Initialized();
  EXPECT_THAT(heard, ElementsAre("ready"));
}

TEST_F(LiveChildWaitsTest, ATellIsWrittenWhenTheClaimIsKnownToBeHeld) {
  live.Start();
  work.DoAll();
  Initialized();
  queue.Offer(kA, "x", false, false, /*opened=*/true);
  live.WriteNextTell();
  live.WriteNextTell();
  EXPECT_EQ(work.waiting(), 1u);
  EXPECT_FALSE(in_flight.any());
  work.DoOne();
  EXPECT_TRUE(in_flight.Is(kA));
  EXPECT_EQ(child->written().back(), MessageLine(kA, "x"));
}

TEST_F(LiveChildWaitsTest, ATellThatIsCancelledMeanwhileIsNotWritten) {
  live.Start();
  work.DoAll();
  Initialized();
  queue.Offer(kA, "x", false, false, /*opened=*/true);
  live.WriteNextTell();
  queue.Cancel(kA, [](const absl::StatusOr<TellQueue::Phase>&) {});
  work.DoOne();
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(live.phase(), LiveChild::Phase::kReady);
}

}  // namespace
}  // namespace iris
