#ifndef IRIS_COORDINATOR_REACH_SSH_TESTING_SSH_CONNECT_FIXTURE_H_
#define IRIS_COORDINATOR_REACH_SSH_TESTING_SSH_CONNECT_FIXTURE_H_

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/ssh/greeting.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/testing/ssh_host.h"
#include "gtest/gtest.h"

namespace iris {

// Connects to an SshHost with the stand-in for the agent, and sees to it that nothing is left
// behind here: no ssh, no socket.
class SshConnectTest : public testing::Test {
 protected:
  // `agent_package`: whose iris-agent is installed.
  explicit SshConnectTest(const std::string& agent_package = "coordinator/reach/shell/testing")
      : bundle_(AgentBundle::Find({absl::StrCat(getenv("TEST_SRCDIR"), "/iris/", agent_package)})) {
    std::filesystem::create_directory(runtime_dir_);
  }
  ~SshConnectTest() override {
    EXPECT_EQ(OwnChildren("ssh"), 0) << "an ssh was left behind";
    EXPECT_TRUE(std::filesystem::is_empty(runtime_dir_)) << "a socket was left behind";
  }

  absl::StatusOr<Connection> Connect(SshTarget target) {
    target.options.link_mode = link_mode_;
    stages_.clear();
    return ConnectOverSsh(target, *bundle_,
                          {.runtime_dir = runtime_dir_,
                           .on_progress =
                               [this](const ConnectProgress& progress) {
                                 if (stages_.empty() || stages_.back() != progress.stage) {
                                   stages_.push_back(progress.stage);
                                 }
                                 if (on_progress_) on_progress_(progress);
                               },
                           .cancelled = &cancelled_,
                           .login_patience = login_patience_,
                           .greeting = &greeting_});
  }
  // The last Connect() put the agent on the host.
  bool HasUploaded() const {
    return std::count(stages_.begin(), stages_.end(), ConnectProgress::Stage::kUploading) > 0;
  }
  Failure FailureOf(const SshTarget& target) { return ToProto(Connect(target).status()); }

  const AgentBuild& Build() const { return **bundle_->ForThisMachine(); }

  // The process of the connection's ssh.
  static pid_t SshOf(const Connection& connection) {
    return connection.facts.size() == 1 ? std::stoi(connection.facts[0].value) : 0;
  }

  // What comes back from the agent; empty when the wire has failed.
  static std::string Echo(const Connection& connection, const std::string& text) {
    if (send(connection.wire.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return "";
    std::string back;
    while (back.size() < text.size()) {
      struct pollfd ready = {.fd = connection.wire.get(), .events = POLLIN, .revents = 0};
      char buffer[256];
      if (poll(&ready, 1, 60'000) <= 0) break;
      const ssize_t n = read(connection.wire.get(), buffer, sizeof(buffer));
      if (n <= 0) break;
      back.append(buffer, n);
    }
    return back;
  }
  // Something is said, and the wire ends; what was under way before that may still come back.
  static bool Ends(const Connection& connection) {
    (void)send(connection.wire.get(), "x", 1, MSG_NOSIGNAL);
    for (;;) {
      struct pollfd ready = {.fd = connection.wire.get(), .events = POLLIN, .revents = 0};
      char buffer[256];
      if (poll(&ready, 1, 60'000) <= 0) return false;
      if (read(connection.wire.get(), buffer, sizeof(buffer)) <= 0) return true;
    }
  }

  const ScratchDir scratch_;
  const std::string runtime_dir_ = scratch_.File("run");
  const std::unique_ptr<AgentBundle> bundle_;
  SshOptions::LinkMode link_mode_ = SshOptions::LinkMode::kAuto;
  std::atomic<bool> cancelled_ = false;
  absl::Duration login_patience_ = absl::Seconds(100);
  Greeting greeting_;
  std::vector<ConnectProgress::Stage> stages_;               // Of the last Connect().
  std::function<void(const ConnectProgress&)> on_progress_;  // May be empty.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_TESTING_SSH_CONNECT_FIXTURE_H_
