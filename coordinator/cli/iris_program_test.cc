// The life of the coordinator behind the commands, and its configuration.

#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/process/wait_exit.h"
#include "coordinator/cli/iris_program_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(IrisProgramTest, TheRealProgramKnowsItsCommandLine) {
  program_ = "coordinator/iris";
  EXPECT_THAT(Iris({"version"}).out, StartsWith("iris "));
  EXPECT_EQ(Iris({"--version"}).out, Iris({"version"}).out);
  const Ran help = Iris({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  const Ran alone = Iris({});
  EXPECT_EQ(alone.exit_code, 0);
  EXPECT_EQ(alone.out, help.out);
  EXPECT_EQ(alone.err, "");

  const Ran usage = Iris({"tell", "echo"});
  EXPECT_EQ(usage.exit_code, 2);
  EXPECT_EQ(usage.out, "");
  EXPECT_THAT(usage.err, HasSubstr("TEXT"));
}

TEST_F(IrisProgramTest, TheRealProgramServesTeamsAndStops) {
  program_ = "coordinator/iris";
  EXPECT_THAT(Iris({"teams"}).out, AllOf(HasSubstr("echo"), HasSubstr("gpu")));
  const pid_t pid = Coordinator();
  ASSERT_GT(pid, 0);
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);
  EXPECT_TRUE(WaitForExit(pid, absl::InfinitePast()));
}

TEST_F(IrisProgramTest, StatusAndStopStartNothing) {
  EXPECT_THAT(Iris({"status"}).out, StartsWith("no coordinator runs"));
  EXPECT_EQ(Iris({"status"}).exit_code, 0);
  EXPECT_EQ(Status(), json({{"schema", 1}, {"ok", true}, {"running", false}}));
  EXPECT_EQ(Iris({"stop"}).out, "no coordinator runs\n");
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);
  EXPECT_EQ(Log(), "");
}

TEST_F(IrisProgramTest, StatusShowsHostsAndSessions) {
  Iris({"tell", "echo", "x"});
  const Ran ran = Iris({"status"});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("TEAM"), HasSubstr("echo"), HasSubstr("ready")));
  EXPECT_THAT(Iris({"status", "--long"}).out,
              AllOf(HasSubstr("HOST"), HasSubstr("local"), HasSubstr("4242"), HasSubstr("SESSION"),
                    HasSubstr("ready")));
  EXPECT_THAT(Iris({"teams"}).out,
              AllOf(HasSubstr("STATE"), HasSubstr("echo"), HasSubstr("ready")));
}

TEST_F(IrisProgramTest, ABrokenConfigurationIsExitThreeWithTheSameTextEverywhere) {
  Configure(R"({"teams": {"echo": {"pth": "/e"}}})");
  const Ran tell = Iris({"tell", "echo", "x"});
  EXPECT_EQ(tell.exit_code, 3);
  EXPECT_THAT(tell.err, AllOf(StartsWith("bad_request: " + home_ + "/config.json"),
                              HasSubstr("pth"), HasSubstr("fix: ")));
  const Ran serve = Iris({"serve"});
  EXPECT_EQ(serve.exit_code, 3);
  EXPECT_EQ(serve.err, tell.err);
  EXPECT_EQ(Iris({"teams"}).exit_code, 3);

  further_env_ = {"IRIS_CONFIG=relative.json"};
  EXPECT_EQ(Iris({"teams"}).exit_code, 3);
  further_env_.clear();
}

TEST_F(IrisProgramTest, WhileAConfigurationIsBrokenTheLastGoodOneIsInForceAndThatIsSaid) {
  ASSERT_EQ(Iris({"tell", "echo", "x"}).exit_code, 0);
  Configure(R"({"teams": {"echo": {"pth": "/e"}}})");
  const Ran tell = Iris({"tell", "echo", "x"});
  EXPECT_EQ(tell.exit_code, 0);
  EXPECT_THAT(tell.err, AllOf(StartsWith("bad_request: " + home_ + "/config.json"),
                              HasSubstr("The last good configuration is in force.")));
  EXPECT_THAT(Iris({"status"}).out, HasSubstr("the last good one is in force"));
  EXPECT_EQ(Status()["configProblem"]["kind"], "bad_request");
}

TEST_F(IrisProgramTest, TheLastGoodConfigurationIsInForceForThoseWhoseVariablesItWasReadWith) {
  Configure(R"({"teams": {"echo": {"path": "${PROJECTS}/e"}}})");
  further_env_ = {"PROJECTS=/srv"};
  ASSERT_EQ(Iris({"tell", "echo", "x"}).exit_code, 0);
  const pid_t pid = Coordinator();
  Configure(R"({"teams": {"echo": {"pth": "/e"}}})");
  EXPECT_THAT(Iris({"teams"}).err, HasSubstr("The last good configuration is in force."));
  further_env_ = {"PROJECTS=/elsewhere"};
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"teams"}, {"tell", "echo", "x"}}) {
    const Ran ran = Iris(command);
    EXPECT_EQ(ran.exit_code, 3);
    EXPECT_THAT(ran.err, AllOf(HasSubstr("pth"), Not(HasSubstr("in force"))));
  }
  EXPECT_EQ(Coordinator(), pid);
}

TEST_F(IrisProgramTest, StatusAndStopNeedNoConfiguration) {
  ASSERT_EQ(Iris({"teams"}).exit_code, 0);
  std::ofstream(home_ + "/config.yaml") << "teams: {}\n";  // Which of the two is meant?
  EXPECT_EQ(Iris({"teams"}).exit_code, 3);
  EXPECT_GT(Coordinator(), 0);
  EXPECT_EQ(Iris({"stop"}).out, "coordinator stopped\n");
  further_env_ = {"IRIS_CONFIG=relative.json"};
  EXPECT_THAT(Iris({"status"}).out, StartsWith("no coordinator runs"));
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);
}

TEST_F(IrisProgramTest, AChangedConfigurationIsUsedWithoutARestart) {
  Iris({"tell", "echo", "x"});
  const pid_t pid = Coordinator();
  Configure(R"({"teams": {"newcomer": {"path": "/n"}}})");
  EXPECT_EQ(Iris({"tell", "newcomer", "hello"}).out, "hello\n");
  EXPECT_EQ(Iris({"tell", "echo", "x"}).exit_code, 2);
  EXPECT_EQ(Coordinator(), pid);
}

TEST_F(IrisProgramTest, VariablesOfTheConfigurationReachTheCoordinator) {
  Configure(R"({"teams": {"echo": {"path": "${PROJECTS}/e"}}})");
  further_env_ = {"PROJECTS=/srv"};
  EXPECT_THAT(Iris({"teams", "--long"}).out, HasSubstr("/srv/e"));
}

TEST_F(IrisProgramTest, AFrontEndWithAnotherConfigurationIsTold) {
  Iris({"teams"});
  std::ofstream(dir_.File("other.json")) << R"({"teams": {"x": {"path": "/x"}}})";
  further_env_ = {"IRIS_CONFIG=" + dir_.File("other.json")};
  const Ran ran = Iris({"tell", "x", "y"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("other.json"), HasSubstr("iris stop")));
}

TEST_F(IrisProgramTest, ManyFrontEndsAtOnceStartOneCoordinator) {
  std::vector<Running> running;
  running.reserve(8);
  for (int i = 0; i < 8; ++i) running.push_back(Start({"tell", "echo", absl::StrCat("m", i)}));
  for (int i = 0; i < 8; ++i) {
    const Ran ran = running[i].Finish();
    EXPECT_EQ(ran.out, absl::StrCat("m", i, "\n")) << ran.err;
  }
  const std::string log = Log();
  EXPECT_EQ(log.find("serves at"), log.rfind("serves at")) << log;
  EXPECT_EQ(Status()["sessions"][0]["tellsDone"], 8);
}

TEST_F(IrisProgramTest, AKilledCoordinatorIsReplacedAndTheTellIsAnswered) {
  Iris({"tell", "echo", "x"});
  Running tell = Start({"tell", "echo", "outlive me"});
  ASSERT_TRUE(WaitFor([this] { return Status()["sessions"][0]["tellInFlight"] != ""; }));
  const pid_t killed = Coordinator();
  ASSERT_EQ(kill(killed, SIGKILL), 0);

  const Ran ran = tell.Finish();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "outlive me\n");
  EXPECT_NE(Coordinator(), killed);
  EXPECT_EQ(Iris({"tell", "echo", "and on"}).out, "and on\n");
}

TEST_F(IrisProgramTest, AStoppedCoordinatorSaysThatWhatWaitsGoesOnLater) {
  Running first = Start({"tell", "echo", "hold", "--timeout", "-1"});
  ASSERT_EQ(first.Finish().exit_code, 0);
  Running second = Start({"tell", "echo", "behind"});
  ASSERT_TRUE(WaitFor([this] { return Status()["sessions"][0]["tellsWaiting"] == 1; }));
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);

  const Ran ran = second.Finish();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("dropped: "), HasSubstr("the next coordinator continues")));
  EXPECT_EQ(Iris({"teams"}).exit_code, 0);  // Starts the next one.
  EXPECT_EQ(Status()["sessions"][0]["tellsWaiting"], 1);
}

TEST_F(IrisProgramTest, ServeLeavesWhenIdleAndOnASignal) {
  Running idle = Start({"serve", "--idle-exit-ms", "50"});
  EXPECT_EQ(idle.Finish().exit_code, 0);
  EXPECT_THAT(Log(), HasSubstr("leaving: idle"));

  Running serve = Start({"serve"});
  ASSERT_TRUE(WaitFor([&] { return Coordinator() == serve.pid(); }));
  EXPECT_EQ(Iris({"tell", "echo", "x"}).out, "x\n");
  EXPECT_EQ(Coordinator(), serve.pid());
  const Ran second = Iris({"serve"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr(absl::StrCat("pid ", serve.pid())));
  ASSERT_EQ(kill(serve.pid(), SIGTERM), 0);
  EXPECT_EQ(serve.Finish().exit_code, 0);
  EXPECT_THAT(Log(), HasSubstr("leaving: signal"));
}

TEST_F(IrisProgramTest, AnIdleCoordinatorStaysWhileATellIsOpen) {
  // In so long, the tell comes to it however busy the machine.
  Running serve = Start({"serve", "--idle-exit-ms", "3000"});
  ASSERT_TRUE(WaitFor([&] { return Coordinator() == serve.pid(); }));
  EXPECT_EQ(Iris({"tell", "echo", "hold", "--timeout", "-1"}).exit_code, 0);
  // Nobody waits for it, and the tell is open.
  EXPECT_FALSE(WaitForExit(serve.pid(), absl::Now() + absl::Milliseconds(4500)));
  EXPECT_EQ(Iris({"stop", "--agents"}).out,
            "agent on local: stopped\nagents stopped: 1\ncoordinator stopped\n");
  EXPECT_EQ(serve.Finish().exit_code, 0);
}

TEST_F(IrisProgramTest, ATeamIsWokenAndPutToSleepByHand) {
  const Ran woken = Iris({"wake", "echo", "--json"});
  EXPECT_EQ(woken.exit_code, 0) << woken.out;
  EXPECT_EQ(json::parse(woken.out)["team"], "echo");
  EXPECT_EQ(json::parse(woken.out)["ready"], true);
  EXPECT_THAT(Iris({"sleep", "echo"}).out, StartsWith("echo "));
  const Ran nobody = Iris({"wake", "nobody"});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_THAT(nobody.err, StartsWith("bad_request: "));
  EXPECT_EQ(json::parse(Iris({"sleep", "nobody", "--json"}).out)["failure"]["kind"], "bad_request");
}

TEST_F(IrisProgramTest, EveryCommandSaysInJsonHowItWent) {
  EXPECT_EQ(json::parse(Iris({"stop", "--json"}).out)["wasRunning"], false);
  EXPECT_EQ(json::parse(Iris({"teams", "--json"}).out)["teams"].size(), 2u);
  EXPECT_EQ(json::parse(Iris({"version", "--json"}).out)["ok"], true);
  const json stopped = json::parse(Iris({"stop", "--agents", "--json"}).out);
  EXPECT_EQ(stopped["ok"], true);
  EXPECT_EQ(stopped["wasRunning"], true);
  Configure(R"({"teams": {"echo": {"pth": "/e"}}})");
  const Ran broken = Iris({"teams", "--json"});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_EQ(broken.err, "");
  EXPECT_EQ(json::parse(broken.out)["failure"]["kind"], "bad_request");
}

}  // namespace
}  // namespace iris
