// What becomes of a daemon of Iris that a tool of the child has started: it is not the child's, and
// goes on.

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/process/child_fixture.h"
#include "agent/process/descendants.h"
#include "agent/process/running_child.h"
#include "agent/testing/processes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::IsEmpty;

// Prints the pids of a daemon of Iris, started as a tool starts one, and of what it has started.
constexpr char kStartDaemon[] =
    "(IRIS_DAEMON=1 setsid sh -c 'env -u IRIS_DAEMON sleep 600 & echo $$ $!; exec >/dev/null; wait'"
    " </dev/null 2>/dev/null &)\n";

// A daemon and a process below it, as kStartDaemon prints them. They end with this object, and are
// children of this process in the end.
class StartedDaemon {
 public:
  explicit StartedDaemon(const std::string& said) {
    const std::vector<std::string> pids = absl::StrSplit(absl::StripSuffix(said, "\n"), ' ');
    EXPECT_EQ(pids.size(), 2u) << said;
    if (pids.size() != 2) return;
    EXPECT_TRUE(absl::SimpleAtoi(pids[0], &daemon_) && absl::SimpleAtoi(pids[1], &below_)) << said;
  }
  ~StartedDaemon() {
    if (!killed_) Kill();
    for (const pid_t pid : {daemon_, below_}) {
      if (pid > 0) waitpid(pid, nullptr, 0);
    }
  }

  // Both. Reaps none.
  void Kill() {
    killed_ = true;
    for (const pid_t pid : {daemon_, below_}) {
      if (pid > 0) kill(pid, SIGKILL);
    }
  }
  bool BothRun() const {
    return daemon_ > 0 && below_ > 0 && StateOf(daemon_) == 'S' && StateOf(below_) == 'S';
  }
  pid_t daemon() const { return daemon_; }

 private:
  int daemon_ = 0, below_ = 0;
  bool killed_ = false;
};

class ChildDaemonsTest : public ChildFixture {};

TEST_F(ChildDaemonsTest, ADaemonOfIrisThatAToolHasStartedOutlivesTheChildAndHoldsUpNothing) {
  RunningChild child(Script(absl::StrCat(kStartDaemon, "setsid sleep 600 & read go")));
  ASSERT_TRUE(child.listener.WaitForOut("\n"));
  const StartedDaemon started(child.listener.out());
  ASSERT_TRUE(Eventually([&] { return started.BothRun(); }));
  const absl::Time before = absl::Now();

  child.CloseStdin();

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_LT(absl::Now() - before, absl::Seconds(10)) << "the keeper has given up";
  EXPECT_TRUE(started.BothRun());
  EXPECT_THAT(ChildrenOf(getpid()), IsEmpty()) << "but for the daemon";
}

TEST_F(ChildDaemonsTest, ADaemonOfIrisOutlivesKillAllAndAKilledKeeper) {
  for (const bool is_keeper_killed : {false, true}) {
    RunningChild child(Script(absl::StrCat(kStartDaemon, "setsid sleep 600 & wait")));
    ASSERT_TRUE(child.listener.WaitForOut("\n"));
    const StartedDaemon started(child.listener.out());
    ASSERT_TRUE(Eventually([&] { return started.BothRun(); }));

    is_keeper_killed ? (void)kill(child.keeper(), SIGKILL) : child.KillAll();

    ASSERT_TRUE(child.listener.WaitForGone());
    EXPECT_TRUE(started.BothRun());
    EXPECT_THAT(ChildrenOf(getpid()), IsEmpty()) << "but for the daemon";
  }
}

TEST_F(ChildDaemonsTest, ADaemonOfIrisThatHasEndedIsReapedWithTheNextChild) {
  RunningChild child(Script(absl::StrCat(kStartDaemon, "read go")));
  ASSERT_TRUE(child.listener.WaitForOut("\n"));
  StartedDaemon started(child.listener.out());
  child.CloseStdin();
  ASSERT_TRUE(child.listener.WaitForGone());
  started.Kill();
  ASSERT_TRUE(Eventually([&] { return StateOf(started.daemon()) == 'Z'; }));

  RunningChild next(Program("/bin/true", {}));
  ASSERT_TRUE(next.listener.WaitForGone());
  EXPECT_TRUE(HaveNoChildren());
}

}  // namespace
}  // namespace iris
