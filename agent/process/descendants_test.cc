#include "agent/process/descendants.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/testing/processes.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kMark[] = "IRIS_DAEMON=1";

// Shells, children of this process, that end with this object.
class Shells {
 public:
  Shells() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_.Reset(ends[0]);
    writer_.Reset(ends[1]);
  }
  ~Shells() {
    writer_.Reset();
    for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  }

  // One whose program has this name.
  pid_t Start(const std::vector<std::string>& env, const std::string& name = "shell") {
    const std::string program = scratch_.File(name);
    if (access(program.c_str(), F_OK) != 0) EXPECT_EQ(symlink("/bin/sh", program.c_str()), 0);
    const absl::StatusOr<pid_t> pid = Spawn({.argv = {program, "-c", "read -r nothing"},
                                             .env = env,
                                             .cwd = "/",
                                             .fds = {{0, reader_.get()}}});
    EXPECT_TRUE(pid.ok()) << pid.status();
    if (!pid.ok()) return 0;
    pids_.push_back(*pid);
    return *pid;
  }

 private:
  const ScratchDir scratch_;
  ScopedFd reader_, writer_;
  std::vector<pid_t> pids_;
};

// Until each of them has become its program.
template <typename Matcher>
void ExpectSoon(std::vector<pid_t> (*of)(pid_t), const Matcher& whom) {
  EXPECT_TRUE(Eventually([&] { return ::testing::Matches(whom)(of(getpid())); }));
}

TEST(DescendantsTest, ADaemonOfIrisIsNobodysWhereverItsMarkStands) {
  Shells shells;
  shells.Start({kMark, "A=1"});
  shells.Start({"A=1", kMark});
  shells.Start({kMark});
  ExpectSoon(DescendantsOf, IsEmpty());
  ExpectSoon(ChildrenOf, IsEmpty());
}

TEST(DescendantsTest, WhatOnlyLooksLikeTheMarkIsNone) {
  Shells shells;
  const pid_t other_name = shells.Start({"X_IRIS_DAEMON=1", "A=1"});
  const pid_t other_value = shells.Start({"IRIS_DAEMON=10"});
  const pid_t in_a_value = shells.Start({"A=IRIS_DAEMON=1"});
  const auto all = UnorderedElementsAre(other_name, other_value, in_a_value);
  ExpectSoon(DescendantsOf, all);
  ExpectSoon(ChildrenOf, all);
}

// As that of another account, or of one in the middle of execve().
TEST(DescendantsTest, WhereNoEnvironmentIsSeenTheNameSaysIt) {
  Shells shells;
  shells.Start({}, "iris");
  shells.Start({}, "iris-agent-0123456789");
  const pid_t tool = shells.Start({});
  const pid_t front_end = shells.Start({"A=1"}, "iris");
  const auto both = UnorderedElementsAre(tool, front_end);
  ExpectSoon(DescendantsOf, both);
  ExpectSoon(ChildrenOf, both);
}

TEST(DescendantsTest, AZombieIsThereToBeReapedWhateverItWas) {
  const absl::StatusOr<pid_t> daemon = Spawn({.argv = {"/bin/true"}, .env = {kMark}, .cwd = "/"});
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(Eventually([&] { return StateOf(*daemon) == 'Z'; }));
  ExpectSoon(DescendantsOf, IsEmpty());
  ExpectSoon(ChildrenOf, UnorderedElementsAre(*daemon));
  EXPECT_EQ(waitpid(*daemon, nullptr, 0), *daemon);
}

}  // namespace
}  // namespace iris
