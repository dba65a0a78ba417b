// The program `iris` as people run it: real processes, a home of its own, a real coordinator. Teams
// are the fake engine's, except where the program itself is the subject.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "common/process/wait_exit.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

std::string ReadAll(int fd) {
  std::string text;
  char buffer[64 << 10];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  return text;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // Below /proc reading may fail: the iterator of a stream would throw then.
  return text.str();
}

// One command that runs until Finish().
class Running {
 public:
  Running(const std::vector<std::string>& argv, const std::vector<std::string>& env,
          const std::string& in) {
    int in_ends[2], out_ends[2], err_ends[2];
    EXPECT_EQ(pipe2(in_ends, O_CLOEXEC) + pipe2(out_ends, O_CLOEXEC) + pipe2(err_ends, O_CLOEXEC),
              0);
    ScopedFd in_reader(in_ends[0]), out_writer(out_ends[1]), err_writer(err_ends[1]);
    ScopedFd in_writer(in_ends[1]);
    out_.Reset(out_ends[0]);
    err_.Reset(err_ends[0]);
    const auto pid =
        Spawn({.argv = argv,
               .env = env,
               .fds = {{0, in_reader.get()}, {1, out_writer.get()}, {2, err_writer.get()}}});
    EXPECT_TRUE(pid.ok()) << pid.status();
    pid_ = *pid;
    in_reader.Reset();
    writer_ = std::thread([fd = std::move(in_writer), in] {
      for (size_t sent = 0; sent < in.size();) {
        const ssize_t n = write(fd.get(), in.data() + sent, in.size() - sent);
        if (n <= 0) return;
        sent += static_cast<size_t>(n);
      }
    });
  }

  Ran Finish() {
    Ran ran;
    std::thread err([&] { ran.err = ReadAll(err_.get()); });
    ran.out = ReadAll(out_.get());
    err.join();
    writer_.join();
    int status = -1;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
  }
  pid_t pid() const { return pid_; }
  // Waits for the first bytes on stdout, which Finish() does not return then.
  std::string FirstOutput() {
    char buffer[4096];
    const ssize_t n = read(out_.get(), buffer, sizeof(buffer));
    return std::string(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  }

 private:
  pid_t pid_ = -1;
  ScopedFd out_, err_;
  std::thread writer_;
};

class IrisProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    std::filesystem::create_directory(home_);
    Configure(R"({"teams": {"echo": {"path": "/e"}, "gpu": {"path": "/g"}}})");
  }
  void TearDown() override { Iris({"stop"}); }

  void Configure(const std::string& text) { std::ofstream(home_ + "/config.json") << text; }
  std::vector<std::string> Env() const {
    std::vector<std::string> env = {"HOME=" + home_, "IRIS_HOME=" + home_,
                                    "XDG_RUNTIME_DIR=" + dir_.path(), "PATH=/usr/bin:/bin"};
    env.insert(env.end(), further_env_.begin(), further_env_.end());
    return env;
  }
  Running Start(std::vector<std::string> arguments, const std::string& in = "") {
    arguments.insert(arguments.begin(), program_);
    return Running(arguments, Env(), in);
  }
  Ran Iris(const std::vector<std::string>& arguments, const std::string& in = "") {
    return Start(arguments, in).Finish();
  }
  json Status() { return json::parse(Iris({"status", "--json"}).out); }
  // Until `condition` holds, up to a minute.
  template <typename Condition>
  static bool WaitFor(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Minutes(1);
    while (!condition()) {
      if (absl::Now() > deadline) return false;
    }
    return true;
  }
  // The coordinator that runs; 0 if none does.
  pid_t Coordinator() { return Status().value("pid", 0); }
  // Sends a message that nobody waits for; returns its id.
  std::string Detached(const std::string& text) {
    const Ran ran = Iris({"tell", "echo", text, "--timeout", "-1"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out.substr(0, ran.out.size() - 1);
  }
  // As `iris tells` lists it; empty: it does not.
  json Tell(const std::string& id) {
    const json list = json::parse(Iris({"tells", "--json"}).out);
    for (const json& tell : list["tells"]) {
      if (tell["tell_id"] == id) return tell;
    }
    return json::object();
  }
  void WaitForState(const std::string& id, const std::string& state) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (Tell(id).value("state", "gone") != state) {
      ASSERT_LT(absl::Now(), deadline) << Tell(id) << " is not " << state;
    }
  }
  static bool CatchesInterrupts(pid_t pid) {
    const std::string status = ReadFile(absl::StrCat("/proc/", pid, "/status"));
    const size_t at = status.find("SigCgt:");
    if (at == std::string::npos) return false;
    return (std::stoull(status.substr(at + 7), nullptr, 16) >> (SIGINT - 1) & 1) != 0;
  }
  std::string Log() { return ReadFile(home_ + "/coordinator.log"); }

  ScratchDir dir_;
  const std::string home_ = dir_.File("home");
  std::string program_ = "coordinator/testing/iris_with_fake_engine";
  std::vector<std::string> further_env_;
};

TEST_F(IrisProgramTest, TheRealProgramKnowsItsCommandLine) {
  program_ = "coordinator/iris";
  EXPECT_THAT(Iris({"version"}).out, StartsWith("iris "));
  EXPECT_EQ(Iris({"--help"}).exit_code, 0);

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

TEST_F(IrisProgramTest, AnAnswerIsOnStdoutAndNothingElseAnywhere) {
  const Ran ran = Iris({"tell", "echo", "grüße"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "grüße\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(Iris({"tell", "echo", "line\n"}).out, "line\n");
}

TEST_F(IrisProgramTest, TheTextMayComeFromStdinUpToItsLimit) {
  const std::string largest(8 << 20, 'x');
  EXPECT_TRUE(Iris({"tell", "echo", "-"}, largest).out == largest + "\n");

  const Ran refused = Iris({"tell", "echo", "-"}, largest + "x");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("longer than 8388608 bytes"));
}

TEST_F(IrisProgramTest, SixteenMebibytesArrive) {
  EXPECT_TRUE(Iris({"tell", "echo", "16MiB"}).out == std::string(16 << 20, 'x') + "\n");
}

TEST_F(IrisProgramTest, AFailedTellPrintsItsPartialTextAndWhatToDo) {
  const Ran ran = Iris({"tell", "echo", "die"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "half an answer\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("child_exited: claude ended with signal 9\n"),
                             HasSubstr("fix: Send the message again")));
}

TEST_F(IrisProgramTest, JsonIsOneObjectWhateverHappens) {
  const Ran ok = Iris({"tell", "echo", "hi", "--json"});
  EXPECT_EQ(ok.exit_code, 0);
  const json answered = json::parse(ok.out);
  EXPECT_TRUE(IsUuid(answered["tell_id"].get<std::string>()));
  EXPECT_EQ(answered["ok"], true);
  EXPECT_EQ(answered["answer"], "hi");
  EXPECT_GE(answered["duration_ms"].get<int64_t>(), 0);
  EXPECT_FALSE(answered.contains("failure"));

  const Ran died = Iris({"tell", "echo", "die", "--json"});
  EXPECT_EQ(died.exit_code, 1);
  EXPECT_EQ(died.err, "");
  const json failed = json::parse(died.out);
  EXPECT_EQ(failed["ok"], false);
  EXPECT_EQ(failed["partial"], "half an answer");
  EXPECT_EQ(failed["failure"]["kind"], "child_exited");
  EXPECT_NE(failed["failure"]["fix"], "");

  const json refused = json::parse(Iris({"tell", "nobody", "x", "--json"}).out);
  EXPECT_EQ(refused["failure"]["kind"], "bad_request");
}

TEST_F(IrisProgramTest, AnUnknownTeamIsAnsweredWithTheTeamsThereAre) {
  const Ran ran = Iris({"tell", "ech", "x"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("Did you mean echo?"), HasSubstr("Teams: echo, gpu.")));
}

TEST_F(IrisProgramTest, ATimeoutStopsTheWaitingAndNotTheWork) {
  Iris({"teams"});  // So that the time is the tell's own.
  const Ran ran = Iris({"tell", "echo", "hold", "--timeout", "2000"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("timeout: no answer within 2000 ms"));
  const std::string id = Status()["sessions"][0]["tell_in_flight"];
  EXPECT_THAT(ran.err, HasSubstr(id));
}

TEST_F(IrisProgramTest, WhoDoesNotWaitGetsTheIdAndLaterTheAnswer) {
  const Ran ran = Iris({"tell", "echo", "later", "--timeout", "-1"});
  EXPECT_EQ(ran.exit_code, 0);
  const std::string id = ran.out.substr(0, ran.out.size() - 1);
  ASSERT_TRUE(IsUuid(id)) << ran.out;

  EXPECT_EQ(Iris({"tell", "echo", "later", "--id", id}).out, "later\n");
  EXPECT_EQ(Status()["sessions"][0]["tells_done"], 1);
  EXPECT_EQ(Iris({"tell", "echo", "other", "--id", id}).exit_code, 1);
}

TEST_F(IrisProgramTest, AnAnswerThatNobodyWaitedForIsListedUntilItIsFetched) {
  EXPECT_EQ(Iris({"tells"}).out, "no messages\n");
  const std::string id = Detached("later");
  WaitForState(id, "settled");
  EXPECT_THAT(Iris({"tells"}).out, AllOf(HasSubstr("MESSAGE"), HasSubstr(id), HasSubstr("later")));
  const json listed = Tell(id);
  EXPECT_EQ(listed["to"], "echo");
  EXPECT_EQ(listed["message"], "later");
  EXPECT_EQ(listed["answer"], "later");
  EXPECT_EQ(listed["fetched"], false);

  EXPECT_EQ(Iris({"tells", id}).out, "later\n");
  WaitForState(id, "gone");
  EXPECT_THAT(Iris({"tells", "--all"}).out, AllOf(HasSubstr(id), HasSubstr("fetched")));
  const json again = json::parse(Iris({"tells", id, "--json"}).out);
  EXPECT_EQ(again["answer"], "later");
  EXPECT_EQ(again["ok"], true);
}

TEST_F(IrisProgramTest, AMessageThatIsNotAnsweredYetSaysSoAndCanBeWaitedFor) {
  const std::string id = Detached("hold");
  WaitForState(id, "running");
  const Ran look = Iris({"tells", id});
  EXPECT_EQ(look.exit_code, 1);
  EXPECT_EQ(look.out, "");
  EXPECT_THAT(look.err, AllOf(HasSubstr("timeout: " + id + " is not answered yet"),
                              HasSubstr("--wait waits")));
  Running wait = Start({"tells", id, "--wait"});
  EXPECT_EQ(Iris({"cancel", id}).exit_code, 0);
  const Ran waited = wait.Finish();
  EXPECT_EQ(waited.exit_code, 1);
  EXPECT_THAT(waited.err, HasSubstr("cancelled: "));
}

TEST_F(IrisProgramTest, AnIdThatNobodyUsedIsRefused) {
  const Ran look = Iris({"tells", "nonsense"}), cancel = Iris({"cancel", "nonsense"});
  EXPECT_EQ(look.exit_code, 1);
  EXPECT_THAT(look.err, HasSubstr("there is no message \"nonsense\""));
  EXPECT_EQ(cancel.exit_code, 1);
  EXPECT_THAT(cancel.err, HasSubstr("there is no message \"nonsense\""));
}

TEST_F(IrisProgramTest, CancellingEndsWhatWaitsAndWhatIsInFlightAndTheNextGoesOn) {
  const std::string running = Detached("hold"), queued = Detached("behind");
  WaitForState(running, "running");
  Running last = Start({"tell", "echo", "the last"});
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (Status()["sessions"][0]["tells_waiting"] != 2 && absl::Now() < deadline) continue;
  EXPECT_EQ(Iris({"cancel", queued}).out, queued + " is cancelled\n");
  EXPECT_EQ(json::parse(Iris({"cancel", running, "--json"}).out)["cancelled"], true);
  EXPECT_EQ(last.Finish().out, "the last\n");

  const Ran again = Iris({"cancel", running});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("was over before, as cancelled"));
  WaitForState(running, "gone");
  WaitForState(queued, "gone");
  EXPECT_EQ(Status()["sessions"][0]["tells_done"], 3);
}

TEST_F(IrisProgramTest, WhoIsInterruptedIsToldHowToComeBackAndTheWorkGoesOn) {
  Running tell = Start({"tell", "echo", "hold"});
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!(Status().contains("sessions") && Status()["sessions"].size() == 1 &&
           Status()["sessions"][0]["tell_in_flight"] != "") &&
         absl::Now() < deadline) {
    continue;
  }
  const std::string id = Status()["sessions"][0]["tell_in_flight"];
  // It has heard that its message was taken when it no longer dies of the signal without a word.
  while (!CatchesInterrupts(tell.pid()) && absl::Now() < deadline) continue;
  ASSERT_EQ(kill(tell.pid(), SIGINT), 0);
  const Ran ran = tell.Finish();
  EXPECT_EQ(ran.exit_code, 128 + SIGINT);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("iris tells " + id + " --wait"));
  EXPECT_EQ(Tell(id)["state"], "running");
}

TEST_F(IrisProgramTest, AnAnswerThatNobodyFetchedOutlivesTheCoordinator) {
  const std::string id = Detached("later");
  WaitForState(id, "settled");
  const pid_t killed = Coordinator();
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  ASSERT_TRUE(WaitForExit(killed, absl::Now() + absl::Seconds(20)));
  EXPECT_EQ(Tell(id)["fetched"], false);
  EXPECT_EQ(Iris({"tells", id}).out, "later\n");
}

TEST_F(IrisProgramTest, StatusAndStopStartNothing) {
  EXPECT_EQ(Iris({"status"}).out, "no coordinator runs\n");
  EXPECT_EQ(Iris({"status"}).exit_code, 0);
  EXPECT_EQ(Status(), json({{"running", false}}));
  EXPECT_EQ(Iris({"stop"}).out, "no coordinator runs\n");
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);
  EXPECT_EQ(Log(), "");
}

TEST_F(IrisProgramTest, StatusShowsHostsAndSessions) {
  Iris({"tell", "echo", "x"});
  const Ran ran = Iris({"status"});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("HOST"), HasSubstr("local"), HasSubstr("4242"),
                             HasSubstr("SESSION"), HasSubstr("ready")));
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

TEST_F(IrisProgramTest, StatusAndStopNeedNoConfiguration) {
  ASSERT_EQ(Iris({"teams"}).exit_code, 0);
  std::ofstream(home_ + "/config.yaml") << "teams: {}\n";  // Which of the two is meant?
  EXPECT_EQ(Iris({"teams"}).exit_code, 3);
  EXPECT_GT(Coordinator(), 0);
  EXPECT_EQ(Iris({"stop"}).out, "coordinator stopped\n");
  further_env_ = {"IRIS_CONFIG=relative.json"};
  EXPECT_EQ(Iris({"status"}).out, "no coordinator runs\n");
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);
}

TEST_F(IrisProgramTest, AChangedConfigurationIsUsedWithoutARestart) {
  Iris({"tell", "echo", "x"});
  const pid_t pid = Coordinator();
  Configure(R"({"teams": {"newcomer": {"path": "/n"}}})");
  EXPECT_EQ(Iris({"tell", "newcomer", "hello"}).out, "hello\n");
  EXPECT_EQ(Iris({"tell", "echo", "x"}).exit_code, 1);
  EXPECT_EQ(Coordinator(), pid);
}

TEST_F(IrisProgramTest, VariablesOfTheConfigurationReachTheCoordinator) {
  Configure(R"({"teams": {"echo": {"path": "${PROJECTS}/e"}}})");
  further_env_ = {"PROJECTS=/srv"};
  EXPECT_THAT(Iris({"teams"}).out, HasSubstr("/srv/e"));
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
  EXPECT_EQ(Status()["sessions"][0]["tells_done"], 8);
}

TEST_F(IrisProgramTest, AKilledCoordinatorIsReplacedAndTheTellIsAnswered) {
  Iris({"tell", "echo", "x"});
  Running tell = Start({"tell", "echo", "outlive me"});
  ASSERT_TRUE(WaitFor([this] { return Status()["sessions"][0]["tell_in_flight"] != ""; }));
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
  ASSERT_TRUE(WaitFor([this] { return Status()["sessions"][0]["tells_waiting"] == 1; }));
  EXPECT_EQ(Iris({"stop"}).exit_code, 0);

  const Ran ran = second.Finish();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("dropped: "), HasSubstr("the next coordinator goes on")));
  EXPECT_EQ(Iris({"teams"}).exit_code, 0);  // Starts the next one.
  EXPECT_EQ(Status()["sessions"][0]["tells_waiting"], 1);
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
  EXPECT_EQ(Iris({"stop", "--agents"}).out, "agents stopped: 1\ncoordinator stopped\n");
  EXPECT_EQ(serve.Finish().exit_code, 0);
}

}  // namespace
}  // namespace iris
