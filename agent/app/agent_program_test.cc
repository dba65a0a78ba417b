// The real program, started as on a host.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/app/build_info.h"
#include "agent/app/program_fixture.h"
#include "agent/process/keeper.h"
#include "agent/testing/processes.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "common/version/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(AgentProgramTest, TheFirstBridgeStartsAnAgentThatTheNextOnesMeet) {
  const Bridge first = Connect();
  const Bridge second = Connect();
  EXPECT_FALSE(first.hello.incarnation().empty());
  EXPECT_EQ(second.hello.incarnation(), first.hello.incarnation());
  EXPECT_THAT(first.hello.socket_path(), StartsWith(Runtime() + "/iris/"));
  EXPECT_EQ(first.hello.data_dir(), Home());
  EXPECT_EQ(Leave(first), 0);
  EXPECT_EQ(Leave(second), 0);
  EXPECT_EQ(ReadToEnd(first.errors.get()), "");
}

TEST_F(AgentProgramTest, ManyBridgesAtOnceStartOneAgent) {
  std::vector<Bridge> bridges;
  for (int i = 0; i < 8; ++i) bridges.push_back(StartBridge({"--home", Home()}, Env()));
  for (Bridge& bridge : bridges) ReadHelloOf(bridge);
  for (Bridge& bridge : bridges) {
    EXPECT_EQ(bridge.hello.incarnation(), bridges[0].hello.incarnation());
    EXPECT_EQ(Leave(bridge), 0);
  }
}

TEST_F(AgentProgramTest, AnSshAgentThatCannotBePassedOnIsLeftOutWithAWord) {
  std::vector<std::string> env = Env();
  env.push_back("SSH_AUTH_SOCK=/tmp/caf\xE9");
  Bridge bridge = StartBridge({"--home", Home()}, env);
  ASSERT_NO_FATAL_FAILURE(ReadHelloOf(bridge));
  EXPECT_EQ(bridge.hello.ssh_auth_sock(), "");
  EXPECT_EQ(Leave(bridge), 0);
  EXPECT_THAT(ReadToEnd(bridge.errors.get()), HasSubstr("SSH_AUTH_SOCK"));
}

// Each connection's own: the agent has that of none.
TEST_F(AgentProgramTest, ABridgeSaysWhatItRunsIn) {
  for (const std::string token : {"first", "second"}) {
    std::vector<std::string> env = Env();
    env.push_back("GH_TOKEN=" + token);
    env.push_back("CLAUDECODE=1");
    Bridge bridge = StartBridge({"--home", Home()}, env);
    ASSERT_NO_FATAL_FAILURE(ReadHelloOf(bridge));
    const auto& said = bridge.hello.environment().entries();
    EXPECT_EQ(std::count(said.begin(), said.end(), "GH_TOKEN=" + token), 1);
    EXPECT_EQ(std::count(said.begin(), said.end(), "CLAUDECODE=1"), 0);
    std::ifstream agents(absl::StrCat("/proc/", bridge.hello.pid(), "/environ"));
    const std::string agents_own{std::istreambuf_iterator<char>(agents), {}};
    EXPECT_EQ(agents_own.find("GH_TOKEN"), std::string::npos);
    EXPECT_EQ(Leave(bridge), 0);
  }
}

TEST_F(AgentProgramTest, TheAgentOutlivesTheBridgeThatStartedItAndAHangUp) {
  const Bridge first = Connect();
  EXPECT_EQ(Leave(first), 0);
  const pid_t agent = static_cast<pid_t>(first.hello.pid());
  EXPECT_NE(getsid(agent), getsid(0));
  Process(agent).Kill(SIGHUP);
  const Bridge second = Connect();
  EXPECT_EQ(second.hello.incarnation(), first.hello.incarnation());
  EXPECT_EQ(Leave(second), 0);
}

TEST_F(AgentProgramTest, AKilledAgentIsNoticedAndSucceeded) {
  const Bridge first = Connect();
  Process(static_cast<pid_t>(first.hello.pid())).Kill(SIGKILL);
  EXPECT_EQ(ExitCodeOf(first), 3);
  const Bridge second = Connect();
  EXPECT_NE(second.hello.incarnation(), first.hello.incarnation());
  EXPECT_EQ(second.hello.host_id(), first.hello.host_id());
  EXPECT_EQ(Leave(second), 0);
}

// As two machines that were cloned before there was an agent on either.
TEST_F(AgentProgramTest, WhatNamesAHostMakesItNoOther) {
  const Bridge first = Connect();
  std::filesystem::rename(Home(), scratch_.File("aside"));
  Process(static_cast<pid_t>(first.hello.pid())).Kill(SIGKILL);
  EXPECT_EQ(ExitCodeOf(first), 3);
  const Bridge second = Connect();
  EXPECT_EQ(second.hello.hostname(), first.hello.hostname());
  EXPECT_EQ(second.hello.host_id().size(), 32u);
  EXPECT_NE(second.hello.host_id(), first.hello.host_id());
  EXPECT_EQ(Leave(second), 0);
}

TEST_F(AgentProgramTest, GrpcTravelsOverTheBridgeBehindNudgingNewlines) {
  Bridge bridge = Connect();
  const Bridge silent = Connect();
  ASSERT_EQ(write(bridge.io.get(), "\n\n", 2), 2);
  const std::unique_ptr<v1::Agent::Stub> stub = StubOver(std::move(bridge.io));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetHostResponse host;
  const grpc::Status status = stub->GetHost(&context, {}, &host);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(host.hello().incarnation(), bridge.hello.incarnation());
  EXPECT_EQ(host.hello().socket_path(), bridge.hello.socket_path());
  EXPECT_EQ(host.links(), 1u);  // The silent bridge is none.
  EXPECT_GT(host.rss_bytes(), 1u << 20);
  EXPECT_GE(host.uptime_ms(), 0);
}

TEST_F(AgentProgramTest, ShutdownIsAnsweredBeforeTheAgentLeaves) {
  Bridge bridge = Connect();
  const Process agent(static_cast<pid_t>(bridge.hello.pid()));
  const std::string socket = bridge.hello.socket_path();
  const std::unique_ptr<v1::Agent::Stub> stub = StubOver(std::move(bridge.io));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ShutdownResponse response;
  const grpc::Status status = stub->Shutdown(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  // Whoever sees the bridge end may count on the agent's end.
  ExitCodeOf(bridge);
  EXPECT_TRUE(agent.EndsWithin(0));
  EXPECT_NE(access(socket.c_str(), F_OK), 0);
}

TEST_F(AgentProgramTest, ASignalEndsItInOrder) {
  const Bridge silent = Connect();
  const Process agent(static_cast<pid_t>(silent.hello.pid()));
  agent.Kill(SIGTERM);
  EXPECT_EQ(ExitCodeOf(silent), 3);
  EXPECT_TRUE(agent.EndsWithin(0));
  EXPECT_NE(access(silent.hello.socket_path().c_str(), F_OK), 0);
}

TEST_F(AgentProgramTest, IdleItLeavesButNotWhileALinkIsUp) {
  // Long enough for the call below to be made within it, however busy the machine.
  Bridge bridge = Connect({"--idle-exit-ms", "3000"});
  const Process agent(static_cast<pid_t>(bridge.hello.pid()));
  {
    const std::unique_ptr<v1::Agent::Stub> stub = StubOver(std::move(bridge.io));
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetHostResponse host;
    ASSERT_TRUE(stub->GetHost(&context, {}, &host).ok());
    EXPECT_FALSE(agent.EndsWithin(4'500));
  }
  EXPECT_TRUE(agent.EndsWithin(kPatienceMs));
  EXPECT_NE(access(bridge.hello.socket_path().c_str(), F_OK), 0);
  EXPECT_EQ(ExitCodeOf(bridge), 0);
}

// The same account from two environments: one has its own idea of XDG_RUNTIME_DIR.
TEST_F(AgentProgramTest, AnotherEnvironmentMeetsTheSameAgent) {
  const Bridge first = Connect();
  const std::string other = scratch_.File("o");
  ASSERT_EQ(mkdir(other.c_str(), 0700), 0);
  for (int i = 0; i < 2; ++i) {  // Found out, then known.
    Bridge bridge = StartBridge({"--home", Home()}, {"XDG_RUNTIME_DIR=" + other});
    ReadHelloOf(bridge);
    EXPECT_EQ(bridge.hello.incarnation(), first.hello.incarnation());
    EXPECT_EQ(Leave(bridge), 0);
  }
  Process(static_cast<pid_t>(first.hello.pid())).Kill(SIGKILL);
  EXPECT_EQ(ExitCodeOf(first), 3);
  Bridge bridge = StartBridge({"--home", Home()}, {"XDG_RUNTIME_DIR=" + other});
  ReadHelloOf(bridge);
  EXPECT_NE(bridge.hello.incarnation(), first.hello.incarnation());
  EXPECT_THAT(bridge.hello.socket_path(), StartsWith(other));
  EXPECT_EQ(Leave(bridge), 0);
}

TEST_F(AgentProgramTest, WhatKeepsTheAgentFromStartingReachesTheBridgesUser) {
  ASSERT_EQ(mkdir(Home().c_str(), 0700), 0);
  ASSERT_EQ(chown(Home().c_str(), 65534, 65534), 0);
  const Bridge bridge = StartBridge({"--home", Home()}, Env());
  EXPECT_EQ(ExitCodeOf(bridge), 1);
  EXPECT_EQ(ReadToEnd(bridge.io.get()), "");
  const std::string errors = ReadToEnd(bridge.errors.get());
  EXPECT_THAT(errors, StartsWith("iris-agent: storage: "));
  EXPECT_THAT(errors, HasSubstr("belongs to nobody (uid 65534)"));
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1);
}

// -1: it has none (yet).
int SignalDescriptorOf(pid_t pid) {
  std::error_code ignored;
  int number = -1;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"), ignored)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (target != "anon_inode:[signalfd]") continue;
    EXPECT_TRUE(absl::SimpleAtoi(entry.path().filename().string(), &number));
  }
  return number;
}

// Of what it opens for its life that is the last.
TEST_F(AgentProgramTest, WithoutADescriptorForItsSignalsItDoesNotStartAndSaysWhy) {
  ScopedFd errors;
  const auto serve = [&](const std::string& first) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const ScopedFd theirs(ends[1]);
    errors.Reset(ends[0]);
    const absl::StatusOr<pid_t> pid =
        Spawn({.argv = {"/bin/sh", "-c",
                        absl::StrCat(first, "exec ", Program(), " serve --home ", Home())},
               .env = Env(),
               .cwd = "/",
               .fds = {{2, ends[1]}}});
    EXPECT_TRUE(pid.ok()) << pid.status();
    return pid.value_or(0);
  };
  const auto end_of = [](pid_t pid) {
    if (!Process(pid).EndsWithin(kPatienceMs)) {
      ADD_FAILURE() << "it does not end";
      Process(pid).Kill(SIGKILL);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  };
  const pid_t agent = serve("");
  int number = -1;
  ASSERT_TRUE(Eventually([&] { return (number = SignalDescriptorOf(agent)) >= 0; }));
  Process(agent).Kill(SIGTERM);
  EXPECT_EQ(end_of(agent), 0);

  EXPECT_EQ(end_of(serve(absl::StrCat("ulimit -n ", number, "; "))), 1);
  EXPECT_THAT(ReadToEnd(errors.get()), HasSubstr("busy_limit: the agent cannot hear signals: "));
}

TEST_F(AgentProgramTest, WrongArgumentsAreRefused) {
  const Bridge bridge = StartBridge({"--home", "relative"}, Env());
  EXPECT_EQ(ExitCodeOf(bridge), 2);
  EXPECT_THAT(ReadToEnd(bridge.errors.get()), HasSubstr("--home relative"));
}

// Other users, hosts without a libc, broken uploads: `version` is how a host tells that it can run.
TEST_F(AgentProgramTest, VersionNeedsNothingAtAll) {
  const std::string root = scratch_.File("root");
  ASSERT_EQ(mkdir(root.c_str(), 0700), 0);
  std::filesystem::copy_file(Program(), root + "/iris-agent");
  int out[2];
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  const ScopedFd reader(out[0]);
  ScopedFd writer(out[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    char program[] = "/iris-agent", command[] = "version";
    char* const argv[] = {program, command, nullptr};
    char* const env[] = {nullptr};
    if (chroot(root.c_str()) != 0 || dup2(out[1], STDOUT_FILENO) < 0) _exit(9);
    execve(program, argv, env);
    _exit(8);
  }
  writer.Reset();
  EXPECT_EQ(ReadToEnd(reader.get()), absl::StrCat(VersionLine(kBuildNumber), "\n"));
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

// `iris-agent keeper` above a sleeper, that has reported its start. Ends with this object.
class RunningKeeper {
 public:
  RunningKeeper() {
    int report[2];
    EXPECT_EQ(pipe2(report, O_CLOEXEC), 0);
    report_.Reset(report[0]);
    const ScopedFd theirs(report[1]);
    const absl::StatusOr<pid_t> pid =
        Spawn({.argv = {Program(), "keeper", "/bin/sleep", "/", "600"},
               .env = {"PATH=/usr/bin:/bin"},
               .cwd = "/",
               .fds = {{kKeeperReportFd, report[1]}}});
    EXPECT_TRUE(pid.ok()) << pid.status();
    pid_ = pid.value_or(0);
    for (char c = '\0'; c != '\n';) {
      if (read(report_.get(), &c, 1) != 1) break;
      started_ += c;
    }
  }
  ~RunningKeeper() {
    kill(pid_, SIGTERM);
    EXPECT_EQ(ReadToEnd(report_.get()), "exited signal 9\ngone\n");
    EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
  }
  const std::string& started() const { return started_; }
  // What /proc/PID/FILE says behind NAME:, in kB.
  int KilobytesOf(const std::string& file, const std::string& name) const {
    std::ifstream lines(absl::StrCat("/proc/", pid_, "/", file));
    for (std::string word; lines >> word;) {
      int kilobytes = 0;
      if (word == name && lines >> kilobytes) return kilobytes;
    }
    ADD_FAILURE() << file << " says nothing of " << name;
    return 0;
  }

 private:
  ScopedFd report_;
  pid_t pid_ = 0;
  std::string started_;
};

// There is one for each session. What costs more comes from what runs before main().
TEST(KeeperSizeTest, OneMoreCostsHardlyAnyMemory) {
  const RunningKeeper first;  // With whom it shares the program.
  const RunningKeeper keeper;
  ASSERT_THAT(keeper.started(), StartsWith("started "));
  EXPECT_LE(keeper.KilobytesOf("smaps_rollup", "Private_Dirty:") +
                keeper.KilobytesOf("smaps_rollup", "Private_Clean:"),
            32);
  EXPECT_LE(keeper.KilobytesOf("status", "VmPTE:"), 40);
}

TEST(AgentSizeTest, ItStaysSmallEnoughToUpload) {
  EXPECT_LE(std::filesystem::file_size(Program()), 9'000'000u);
}

}  // namespace
}  // namespace iris
