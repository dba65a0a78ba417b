#include "agent/process/strays.h"

#include <signal.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/process/spawn.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

// A process with this environment, ended with the test if it still runs.
class Sleeper {
 public:
  explicit Sleeper(const std::vector<std::string>& env) {
    const absl::StatusOr<pid_t> pid =
        Spawn({.argv = {"/bin/sleep", "600"}, .env = env, .cwd = "/", .new_session = true});
    EXPECT_TRUE(pid.ok()) << pid.status();
    if (pid.ok()) pid_ = *pid;
  }
  ~Sleeper() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  // Waits for its end, if it was killed.
  bool WasKilled(bool wait) {
    int status = 0;
    if (waitpid(pid_, &status, wait ? 0 : WNOHANG) != pid_) return false;
    pid_ = 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = 0;
};

std::string Mark(const std::string& session_id) {
  return absl::StrCat(kSessionMark, "=", session_id);
}

TEST(StraysTest, WhatCarriesTheMarkIsKilledAndNothingElse) {
  const std::string session = NewUuid(), other = NewUuid();
  Sleeper first({Mark(session), "A=1"}), last({"A=1", Mark(session)});
  Sleeper of_another({Mark(other)}), unmarked({"A=1"});
  Sleeper alike({absl::StrCat("X", Mark(session)), absl::StrCat("A=", Mark(session))});
  EXPECT_EQ(KillStrays(session), 2u);
  EXPECT_TRUE(first.WasKilled(/*wait=*/true));
  EXPECT_TRUE(last.WasKilled(/*wait=*/true));
  for (Sleeper* spared : {&of_another, &unmarked, &alike}) {
    EXPECT_FALSE(spared->WasKilled(/*wait=*/false));
  }
  EXPECT_EQ(KillStrays(session), 0u);
}

}  // namespace
}  // namespace iris
