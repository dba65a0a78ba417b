#include "agent/process/life_lock.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <string>

#include "absl/status/statusor.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class LifeLockTest : public ::testing::Test {
 protected:
  const ScratchDir scratch_;
  const std::string path_ = scratch_.File("running");
};

TEST_F(LifeLockTest, ItIsHeldByWhoeverInheritedItAsLongAsThatRuns) {
  ScopedFd held = HoldLifeLock(path_);
  ASSERT_TRUE(held.valid());
  EXPECT_FALSE(IsLifeOver(path_));
  const absl::StatusOr<pid_t> child =
      Spawn({.argv = {"/bin/sleep", "600"}, .env = {}, .cwd = "/", .fds = {{4, held.get()}}});
  ASSERT_TRUE(child.ok()) << child.status();
  held.Reset();
  EXPECT_FALSE(IsLifeOver(path_));
  kill(*child, SIGKILL);
  ASSERT_EQ(waitpid(*child, nullptr, 0), *child);
  EXPECT_TRUE(IsLifeOver(path_));
}

TEST_F(LifeLockTest, SeveralMayHoldIt) {
  ScopedFd one = HoldLifeLock(path_), other = HoldLifeLock(path_);
  ASSERT_TRUE(one.valid());
  ASSERT_TRUE(other.valid());
  one.Reset();
  EXPECT_FALSE(IsLifeOver(path_));
  other.Reset();
  EXPECT_TRUE(IsLifeOver(path_));
}

TEST_F(LifeLockTest, WhatIsNotThereIsNotCertain) {
  EXPECT_FALSE(IsLifeOver(path_));
  EXPECT_FALSE(HoldLifeLock(scratch_.File("nowhere/running")).valid());
}

}  // namespace
}  // namespace iris
