#include "common/process/run_program.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

absl::StatusOr<ProgramOutput> RunShell(const std::string& script,
                                       absl::Duration limit = absl::Seconds(60)) {
  return RunProgram({"sh", "-c", script}, {"PATH=/usr/bin:/bin", "COLOUR=blue"},
                    absl::Now() + limit);
}

TEST(RunProgramTest, BringsBackBothOutputsAndTheExitCode) {
  const absl::StatusOr<ProgramOutput> output = RunShell("echo $COLOUR; echo oops >&2; exit 3");

  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->out, "blue\n");
  EXPECT_EQ(output->err, "oops\n");
  EXPECT_EQ(output->exit_code, 3);
}

TEST(RunProgramTest, RunsInTheRootDirectory) {
  const absl::StatusOr<ProgramOutput> output = RunShell("pwd");

  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->out, "/\n");
}

TEST(RunProgramTest, SaysWhichSignalKilledIt) {
  const absl::StatusOr<ProgramOutput> output = RunShell("kill -9 $$");

  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->exit_code, 128 + SIGKILL);
}

TEST(RunProgramTest, ReadsMoreThanItKeeps) {
  const absl::StatusOr<ProgramOutput> output = RunShell("head -c 1000000 /dev/zero");

  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->out.size(), kProgramOutputBytesMax);
  EXPECT_EQ(output->exit_code, 0);
}

TEST(RunProgramTest, KillsWhatRunsTooLongWithItsHelpers) {
  const absl::Time start = absl::Now();
  const absl::StatusOr<ProgramOutput> output =
      RunShell("trap '' TERM; sleep 100 & sleep 100", absl::Milliseconds(300));

  EXPECT_EQ(KindOf(output.status()), v1::FAILURE_TIMEOUT);
  EXPECT_LT(absl::Now() - start, absl::Seconds(50));
}

TEST(RunProgramTest, AMissingProgramIsTheConfigurationsFault) {
  const absl::Status status =
      RunProgram({"no-such-program"}, {}, absl::Now() + absl::Seconds(5)).status();

  EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST);
  EXPECT_NE(std::string(status.message()).find("no-such-program"), std::string::npos);
}

TEST(RunProgramTest, WhatThisMachineHasNoMoreOfIsNotAMissingProgram) {
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  // From "none is left" to "all but the last one".
  bool ran = false;
  for (rlim_t limit = 3; limit < 64 && !ran; ++limit) {
    const struct rlimit low = {limit, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    const absl::Status status =
        RunProgram({"/bin/true"}, {}, absl::Now() + absl::Minutes(1)).status();
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    ran = status.ok();
    if (ran) break;
    EXPECT_EQ(KindOf(status), v1::FAILURE_BUSY_LIMIT) << limit << ": " << status;
    EXPECT_THAT(ToProto(status).fix(), testing::HasSubstr("ulimit -n")) << limit;
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace iris
