#ifndef IRIS_COORDINATOR_CLI_IRIS_PROGRAM_FIXTURE_H_
#define IRIS_COORDINATOR_CLI_IRIS_PROGRAM_FIXTURE_H_

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

// The program `iris` as people run it: real processes, a home of its own, a real coordinator. Teams
// are the fake engine's, except where the program itself is the subject.
namespace iris {

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

inline std::string ReadAll(int fd) {
  std::string text;
  char buffer[64 << 10];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  return text;
}

inline std::string ReadFile(const std::string& path) {
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
  // With its stdout in this file.
  Ran IrisInto(const std::string& path, const std::vector<std::string>& arguments) {
    std::vector<std::string> shell = {"/bin/sh", "-c", "to=$1; shift; exec \"$@\" >\"$to\"",
                                      "sh",      path, program_};
    shell.insert(shell.end(), arguments.begin(), arguments.end());
    return Running(shell, Env(), "").Finish();
  }
  nlohmann::json Status() { return nlohmann::json::parse(Iris({"status", "--json"}).out); }
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
  // Sends a message that nobody waits for; returns its id. `from`: the sender; empty: who works
  // here.
  std::string Detached(const std::string& text, const std::string& from = "") {
    std::vector<std::string> arguments = {"tell", "echo", text, "--timeout", "-1"};
    if (!from.empty()) arguments.insert(arguments.end(), {"--from", from});
    const Ran ran = Iris(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out.substr(0, ran.out.size() - 1);
  }
  // As `iris tells` lists it; empty: it does not.
  nlohmann::json Tell(const std::string& id) {
    const nlohmann::json list = nlohmann::json::parse(Iris({"tells", "--json"}).out);
    for (const nlohmann::json& tell : list["tells"]) {
      if (tell["tellId"] == id) return tell;
    }
    return nlohmann::json::object();
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
  std::string program_ = "coordinator/cli/testing/iris_with_fake_engine";
  std::vector<std::string> further_env_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_IRIS_PROGRAM_FIXTURE_H_
