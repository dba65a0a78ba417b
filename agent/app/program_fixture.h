#ifndef IRIS_AGENT_APP_PROGRAM_FIXTURE_H_
#define IRIS_AGENT_APP_PROGRAM_FIXTURE_H_

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/process/spawn.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

inline constexpr int kPatienceMs = 60'000;

inline std::string Program() { return std::filesystem::absolute("agent/iris-agent").string(); }

// The same as an earlier build.
inline std::string OlderProgram() {
  return std::filesystem::absolute("agent/iris-agent-older").string();
}

inline absl::Time Soon() { return absl::Now() + absl::Milliseconds(kPatienceMs); }

inline std::string ReadToEnd(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  return text;
}

// Some process, child of ours or not; known for good.
class Process {
 public:
  explicit Process(pid_t pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  // Zombies have ended.
  bool EndsWithin(int ms) const {
    pollfd waited = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return !fd_.valid() || poll(&waited, 1, ms) == 1;
  }
  void Kill(int signal) const {
    if (fd_) syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0);
  }

 private:
  ScopedFd fd_;
};

// The agent of a scratch home, ended with the test.
class AgentProgramTest : public ::testing::Test {
 protected:
  // `iris-agent bridge`, whose stdin and stdout are the other end of `io`.
  struct Bridge {
    pid_t pid = 0;
    ScopedFd io, errors;
    v1::Hello hello;
  };

  AgentProgramTest() { EXPECT_EQ(mkdir(Runtime().c_str(), 0700), 0); }
  ~AgentProgramTest() override {
    for (const pid_t pid : agents_) {
      const Process agent(pid);
      agent.Kill(SIGTERM);
      if (!agent.EndsWithin(kPatienceMs)) {
        ADD_FAILURE() << "the agent does not leave";
        agent.Kill(SIGKILL);
      }
    }
  }

  std::string Runtime() const { return scratch_.File("r"); }
  std::string Home() const { return scratch_.File("h"); }
  std::vector<std::string> Env() const {
    return {"XDG_RUNTIME_DIR=" + Runtime(), "HOME=" + scratch_.path(), "PATH=/usr/bin:/bin"};
  }

  Bridge StartBridge(const std::vector<std::string>& args, std::vector<std::string> env) {
    int io[2], errors[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, io), 0);
    EXPECT_EQ(pipe2(errors, O_CLOEXEC), 0);
    const ScopedFd theirs(io[1]), their_errors(errors[1]);
    SpawnSpec spec = {.argv = {program_, "bridge"},
                      .env = std::move(env),
                      .cwd = "/",
                      .fds = {{0, io[1]}, {1, io[1]}, {2, errors[1]}}};
    spec.argv.insert(spec.argv.end(), args.begin(), args.end());
    const absl::StatusOr<pid_t> pid = Spawn(spec);
    EXPECT_TRUE(pid.ok()) << pid.status();
    return {
        .pid = pid.value_or(0), .io = ScopedFd(io[0]), .errors = ScopedFd(errors[0]), .hello = {}};
  }
  void ReadHelloOf(Bridge& bridge) {
    const absl::StatusOr<std::string> hello = ReadHello(bridge.io.get(), Soon());
    ASSERT_TRUE(hello.ok()) << hello.status();
    ASSERT_TRUE(bridge.hello.ParseFromString(*hello));
    agents_.insert(static_cast<pid_t>(bridge.hello.pid()));
  }
  // A bridge that has said hello.
  Bridge Connect(std::vector<std::string> further = {}) {
    further.insert(further.end(), {"--home", Home()});
    Bridge bridge = StartBridge(further, Env());
    ReadHelloOf(bridge);
    return bridge;
  }
  static int ExitCodeOf(const Bridge& bridge) {
    EXPECT_TRUE(Process(bridge.pid).EndsWithin(kPatienceMs));
    int status = 0;
    EXPECT_EQ(waitpid(bridge.pid, &status, 0), bridge.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  static int Leave(const Bridge& bridge) {
    shutdown(bridge.io.get(), SHUT_WR);
    return ExitCodeOf(bridge);
  }

  ScratchDir scratch_;
  std::string program_ = Program();  // Whose bridges are started.
  std::set<pid_t> agents_;
};

// gRPC over the bridge's stdio, from the moment of the hello.
inline std::unique_ptr<v1::Agent::Stub> StubOver(ScopedFd io) {
  fcntl(io.get(), F_SETFL, O_NONBLOCK);
  return v1::Agent::NewStub(grpc::CreateInsecureChannelFromFd("agent", io.Release()));
}

inline void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kPatienceMs));
}

}  // namespace iris

#endif  // IRIS_AGENT_APP_PROGRAM_FIXTURE_H_
