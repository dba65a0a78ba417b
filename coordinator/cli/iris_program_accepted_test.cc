// A message that a coordinator has accepted, and the next one cannot go on with.

#include <signal.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/process/wait_exit.h"
#include "coordinator/cli/iris_program_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AcceptedTest : public IrisProgramTest {
 protected:
  void MoveStore(const std::string& from, const std::string& to) {
    for (const char* end : {"", "-wal", "-shm"}) {
      std::error_code none;
      std::filesystem::rename(from + end, to + end, none);
    }
  }
  // A message that the team has, from a front end that heard that it was accepted.
  Running StartAccepted(std::vector<std::string> arguments) {
    Running tell = Start(std::move(arguments));
    EXPECT_TRUE(WaitFor([this] {
      const nlohmann::json status = Status();
      return status.contains("sessions") && !status["sessions"].empty() &&
             status["sessions"][0]["tellInFlight"] != "";
    }));
    EXPECT_TRUE(WaitFor([&tell] { return CatchesInterrupts(tell.pid()); }));
    return tell;
  }
  // Of cli's session with `team`, as `iris status` has it; empty: there is none.
  nlohmann::json SessionWith(const std::string& team) {
    const nlohmann::json status = Status();
    for (const nlohmann::json& session : status.value("sessions", nlohmann::json::array())) {
      if (session["to"] == team) return session;
    }
    return nlohmann::json::object();
  }
  // What is started from now on is started in the turn that `team` is in.
  void BeInTurnOf(const std::string& team) {
    ASSERT_TRUE(WaitFor([&] { return SessionWith(team).value("tellInFlight", "") != ""; }));
    further_env_ = {"CLAUDE_CODE_SESSION_ID=" + SessionWith(team)["sessionId"].get<std::string>()};
  }
  void Kill(pid_t pid) {
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_TRUE(WaitForExit(pid, absl::Now() + absl::Seconds(20)));
  }

  const std::string store_ = home_ + "/iris.db";
  const std::string aside_ = home_ + "/aside.db";
};

TEST_F(AcceptedTest, IsNotRunAgainByACoordinatorThatDoesNotKnowIt) {
  Iris({"tell", "echo", "x"});
  Running tell = StartAccepted({"tell", "echo", "hold"});
  const pid_t coordinator = Coordinator();
  MoveStore(store_, aside_);
  Kill(coordinator);

  const Ran ran = tell.Finish();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("ambiguous: "), HasSubstr("by an earlier coordinator"),
                             HasSubstr("Look at what the team did")));
  EXPECT_EQ(Status()["sessions"].size(), 0u);
}

TEST_F(AcceptedTest, GoesOnWhereACoordinatorCanBeStartedAgainLater) {
  Iris({"tell", "echo", "x"});
  Running tell = StartAccepted({"tell", "echo", "outlive me"});
  const pid_t coordinator = Coordinator();
  MoveStore(store_, aside_);
  std::filesystem::create_directory(store_);  // No store can be opened there.
  Kill(coordinator);
  EXPECT_EQ(Iris({"teams"}).exit_code, 1);
  std::filesystem::remove(store_);
  MoveStore(aside_, store_);

  const Ran ran = tell.Finish();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "outlive me\n");
}

TEST_F(AcceptedTest, IsSaidToBeKeptWhereNoCoordinatorCanBeStartedAgainInTime) {
  Iris({"tell", "echo", "x"});
  Running tell = StartAccepted({"tell", "echo", "outlive me", "--timeout", "15000"});
  const std::string id = Status()["sessions"][0]["tellInFlight"];
  const pid_t coordinator = Coordinator();
  MoveStore(store_, aside_);
  std::filesystem::create_directory(store_);
  Kill(coordinator);

  const Ran ran = tell.Finish();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("dropped: the message was accepted and is kept"),
                             HasSubstr("iris tells " + id + " --wait")));
  std::filesystem::remove(store_);
  MoveStore(aside_, store_);
  EXPECT_EQ(Iris({"tells", id, "--wait"}).out, "outlive me\n");
}

// The sender did not get to say that it waits before gpu asked back.
TEST_F(AcceptedTest, IsNotWaitedForAnyMoreWhereItsTeamWaitsForTheSenderByThen) {
  Detached("hold", "cli");
  BeInTurnOf("echo");
  const std::string id = NewUuid();
  Running asks = Start({"tell", "gpu", "hold", "--id", id, "--from", "cli"});
  BeInTurnOf("gpu");
  ASSERT_TRUE(WaitFor([&] { return CatchesInterrupts(asks.pid()); }));
  ASSERT_EQ(kill(asks.pid(), SIGSTOP), 0);
  Kill(Coordinator());
  const std::string back_id = NewUuid();
  Running back = Start({"tell", "echo", "hold", "--id", back_id, "--from", "cli"});
  EXPECT_TRUE(WaitFor([&] { return CatchesInterrupts(back.pid()); }));
  EXPECT_EQ(SessionWith("echo").value("tellsWaiting", 0), 1);
  ASSERT_EQ(kill(asks.pid(), SIGCONT), 0);

  const Ran ran = asks.Finish();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("bad_request: message " + id), HasSubstr("End your turn")));
  Iris({"cancel", back_id});
  EXPECT_EQ(back.Finish().exit_code, 1);
}

}  // namespace
}  // namespace iris
