#ifndef IRIS_AGENT_TESTING_OTHER_AGENT_H_
#define IRIS_AGENT_TESTING_OTHER_AGENT_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {

// Another agent of this account, and its keeper for a session: shells that are called like them.
// They end with this object. Not thread-safe.
class OtherAgent {
 public:
  // `program`: the name of the agent's.
  explicit OtherAgent(const std::string& session_id, const std::string& program = "iris-agent-1") {
    std::ofstream(scratch_.File("serve"))
        << "/bin/sh keeper claude / --session-id " << session_id << " &\nwait\n";
    std::ofstream(scratch_.File("keeper")) << "echo $$ >&4\nread -r line <&3\n";
    EXPECT_EQ(symlink("/bin/sh", scratch_.File(program).c_str()), 0);
    int life[2] = {-1, -1}, word[2] = {-1, -1};
    EXPECT_EQ(pipe2(life, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(word, O_CLOEXEC), 0);
    const ScopedFd their_life(life[0]), heard(word[0]);
    ScopedFd said(word[1]);
    life_.Reset(life[1]);
    const absl::StatusOr<pid_t> agent = Spawn({.argv = {scratch_.File(program), "serve"},
                                               .env = {},
                                               .cwd = scratch_.path(),
                                               .fds = {{3, their_life.get()}, {4, said.get()}}});
    EXPECT_TRUE(agent.ok()) << agent.status();
    agent_ = agent.value_or(0);
    said.Reset();  // Else nobody would be heard for ever, where they fail.
    char pid[32] = "";
    EXPECT_GT(read(heard.get(), pid, sizeof(pid) - 1), 0);
    keeper_ = static_cast<pid_t>(atoi(pid));
  }
  ~OtherAgent() {
    life_.Reset();
    if (agent_ > 0) waitpid(agent_, nullptr, 0);
  }
  OtherAgent(const OtherAgent&) = delete;
  OtherAgent& operator=(const OtherAgent&) = delete;

  // Runs from the beginning.
  pid_t keeper() const { return keeper_; }
  // The agent. Its keeper goes on, with another parent.
  void Kill() {
    kill(agent_, SIGKILL);
    waitpid(agent_, nullptr, 0);
    agent_ = 0;
  }

 private:
  const ScratchDir scratch_;
  ScopedFd life_;  // Both end with it.
  pid_t agent_ = 0;
  pid_t keeper_ = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_OTHER_AGENT_H_
