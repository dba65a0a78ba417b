// What a transport makes of tells, over a link that stays.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(TransportTest, ATellIsAnswered) {
  const Outcome outcome = Ask("hello");
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, "ECHO: hello");
}

TEST_F(TransportTest, SpawnMakesReadyWithoutATurn) {
  OnLoop([this] {
    EXPECT_FALSE(transport_->ready());
    transport_->Spawn();
  });
  EXPECT_EQ(Ask("COUNT").text, "1");  // The first user message that the session ever saw.
  OnLoop([this] {
    EXPECT_TRUE(transport_->ready());
    EXPECT_FALSE(transport_->busy());
  });
}

// As one that was put off for a limit is, over a contact that stands.
TEST_F(TransportTest, WhatIsResumedWhileTheSessionIsOpenIsSent) {
  EXPECT_EQ(Ask("COUNT").text, "1");
  const std::string id = NewUuid();
  OnLoop([&] { transport_->Resume(id, "COUNT", /*given=*/true); });
  EXPECT_EQ(sink_.WaitFor(id).text, "2");
}

TEST_F(TransportTest, EachTurnSaysWhatItCostItself) {
  for (int i = 0; i < 3; ++i) {
    const std::string id = Tell("hello");
    ASSERT_TRUE(sink_.WaitFor(id).status.ok());
    EXPECT_EQ(sink_.account(id).cost_micro_usd(), 540) << i;  // The stub counts up, as claude does.
    EXPECT_EQ(sink_.account(id).output_tokens(), 25u);
  }
}

TEST_F(TransportTest, TwentyColdTellsAreAnsweredInOrderByOneChild) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(Tell("PID"));
  std::vector<std::string> answers;
  for (const std::string& id : ids) answers.push_back(sink_.WaitFor(id).text);
  EXPECT_EQ(sink_.order(), ids);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), answers[0]), 20);
  EXPECT_EQ(sink_.pids().size(), 1u);
}

TEST_F(TransportTest, SixteenMegabytesArriveByteExact) {
  const Outcome outcome = Ask("BIG 16777216");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text.size(), 16777216u);
  // Again, over the same stream: credit was given back in full.
  EXPECT_EQ(Ask("BIG 16777216").text, outcome.text);
}

TEST_F(TransportTest, ALargeTextReachesTheChildWhole) {
  const std::string text = absl::StrCat("SUM ", std::string(3 << 20, 'x'));
  EXPECT_THAT(Ask(text).text, HasSubstr(absl::StrCat(3 << 20)));
}

TEST_F(TransportTest, ACrashIsAFailureWithThePartialTextAndTheNextTellResumes) {
  EXPECT_EQ(Ask("COUNT").text, "1");
  const Outcome crashed = Ask("CRASH 3");
  EXPECT_EQ(KindOf(crashed.status), v1::FAILURE_CHILD_EXITED) << crashed.status;
  EXPECT_THAT(std::string(crashed.status.message()), HasSubstr("code 3"));
  EXPECT_NE(crashed.text, "");
  EXPECT_EQ(Ask("COUNT").text, "3");
  EXPECT_EQ(sink_.pids().size(), 2u);
}

TEST_F(TransportTest, AnErrorResultIsAnErrorAndTheChildGoesOn) {
  EXPECT_EQ(KindOf(Ask("ISERROR 500").status), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_TRUE(Ask("hello").status.ok());
  EXPECT_EQ(sink_.pids().size(), 1u);
}

TEST_F(TransportTest, AMissingClaudeIsSaid) {
  team_.claude_path = "/nonexistent/claude";
  Renew();
  EXPECT_EQ(KindOf(Ask("hello").status), v1::FAILURE_CLAUDE_MISSING);
}

TEST_F(TransportTest, SkipPermissionsReachesTheChild) {
  EXPECT_THAT(Ask("ARGS").text, Not(HasSubstr("--dangerously-skip-permissions")));
  team_.skip_permissions = true;
  Terminate();
  Renew();
  EXPECT_THAT(Ask("ARGS").text, HasSubstr("--dangerously-skip-permissions"));
}

TEST_F(TransportTest, AnotherAskersEnvironmentIsTheNextChilds) {
  const auto ask_as = [this](const std::string& who, const std::string& text) {
    Team team = team_;
    team.asker.environment =
        std::make_shared<const Environment>(Environment{{"WHO", who},
                                                        {"OF_" + who, "1"},
                                                        {"PATH", "/usr/bin:/bin"},
                                                        {"ASAN_OPTIONS", "detect_leaks=0"}});
    OnLoop([&] { transport_->UseAskerOf(team); });
    return Ask(text).text;
  };
  // What is said of the child's: whose it is, and whether this one's variable is in it.
  const auto has_that_of = [this](const std::string& who) {
    EnvironmentNames given;
    OnLoop([&] { given = transport_->environment_names(); });
    return given.from == "front end" &&
           std::count(given.names.begin(), given.names.end(), "OF_" + who) == 1;
  };
  EXPECT_EQ(ask_as("ann", "ENV WHO"), "ann");
  const std::string pid = ask_as("ann", "PID");
  EXPECT_EQ(ask_as("bob", "ENV WHO"), "ann") << "a child that runs keeps its own";
  EXPECT_EQ(ask_as("bob", "PID"), pid);
  EXPECT_TRUE(has_that_of("ann")) << "and it is what status says";
  ask_as("bob", "CRASH 3");
  EXPECT_EQ(ask_as("carol", "ENV WHO"), "carol");
  EXPECT_TRUE(has_that_of("carol"));

  Renew();  // Another life of the coordinator.
  EXPECT_EQ(ask_as("ann", "ENV WHO"), "carol");
  OnLoop([this] { EXPECT_EQ(transport_->environment_names().from, "") << "that is not known"; });
  ask_as("ann", "CRASH 3");
  EXPECT_EQ(ask_as("ann", "ENV WHO"), "ann");
  EXPECT_TRUE(has_that_of("ann"));
}

TEST_F(TransportTest, AnAgentThatCannotBeToldTheEnvironmentIsNotAskedToDoWithoutIt) {
  host_.SetBuildNumber(5);
  Renew();
  EXPECT_EQ(Ask("hello").text, "ECHO: hello");
  OnLoop([this] { EXPECT_EQ(transport_->environment_names().from, "agent"); });
  team_.env.push_back({.name = "GH_TOKEN", .written = "x", .value = "x"});
  Renew();
  const Outcome refused = Ask("hello");
  EXPECT_EQ(KindOf(refused.status), v1::FAILURE_VERSION);
  EXPECT_THAT(std::string(refused.status.message()), HasSubstr("build 5"));
}

TEST_F(TransportTest, ASecondCoordinatorIsRefusedTheSession) {
  EXPECT_TRUE(Ask("hello").status.ok());
  TransportRecorder other_sink;
  std::unique_ptr<Transport> other;
  const std::string id = NewUuid();
  OnLoop([&] {
    other = std::make_unique<AgentTransport>(
        loop_.loop(), *link_, CoordinatorIdentity{NewUuid(), "you@there"}, team_,
        SessionKey{.session_id = session_id_, .from = "cli", .to = "gpu"}, ReadMark(), other_sink);
    other->Tell(id, "hello");
  });
  const Outcome refused = other_sink.WaitFor(id);
  EXPECT_EQ(KindOf(refused.status), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(refused.status.message()), HasSubstr("me@here"));
  OnLoop([&] { other.reset(); });
}

}  // namespace
}  // namespace iris
