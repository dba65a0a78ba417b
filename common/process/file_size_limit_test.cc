#include "common/process/file_size_limit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

void LimitTo(rlim_t soft, rlim_t hard) {
  const rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(100);
}

// The error of writing two bytes to the file.
int WriteTo(const std::string& path) {
  const ScopedFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  return pwrite(file.get(), "xy", 2, 4096) == 2 ? 0 : errno;
}

TEST(FileSizeLimitTest, AWriteBeyondItFailsAndEndsNobody) {
  const ScratchDir dir;
  const auto write_beyond = [&] {
    LimitTo(4096, 4096);
    SurviveFileSizeLimit();
    _exit(WriteTo(dir.File("one")) == EFBIG ? 0 : 1);
  };
  EXPECT_EXIT(write_beyond(), ::testing::ExitedWithCode(0), "");
}

TEST(FileSizeLimitTest, ASoftLimitIsRaisedToTheHardOne) {
  const ScratchDir dir;
  const auto raise = [&] {
    LimitTo(4096, 8192);
    SurviveFileSizeLimit();
    RaiseFileSizeLimit();
    rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
    const bool is_raised = limit.rlim_cur == 8192 && limit.rlim_max == 8192;
    _exit(is_raised && WriteTo(dir.File("one")) == 0 ? 0 : 2);
  };
  EXPECT_EXIT(raise(), ::testing::ExitedWithCode(0), "");
}

TEST(FileSizeLimitTest, WhatIsSpawnedHasTheSignalAsEverybodyHasIt) {
  const auto spawn = [] {
    SurviveFileSizeLimit();
    const absl::StatusOr<pid_t> child =
        Spawn({.argv = {"/bin/sh", "-c", "kill -XFSZ $$"}, .env = {"PATH=/usr/bin:/bin"}});
    int status = 0;
    if (!child.ok() || waitpid(*child, &status, 0) != *child) _exit(1);
    _exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ ? 0 : 2);
  };
  EXPECT_EXIT(spawn(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace iris
