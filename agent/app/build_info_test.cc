#include "agent/app/build_info.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class CheckBuildTest : public ::testing::Test {
 protected:
  // A program that is this shell script.
  std::string Script(const std::string& body, mode_t mode = 0700) {
    const std::string path = scratch_.File("build");
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    chmod(path.c_str(), mode);
    return path;
  }
  static absl::StatusOr<BuildInfo> Check(const std::string& program,
                                         absl::Duration patience = absl::Minutes(1)) {
    return CheckBuild(program, absl::Now() + patience);
  }

  ScratchDir scratch_;
};

TEST_F(CheckBuildTest, ReadsWhatOurOwnVersionSays) {
  const absl::StatusOr<BuildInfo> info = ParseVersionLine(VersionLine(42));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->number, 42u);
  EXPECT_GE(info->handover_max, info->handover_min);
}

TEST_F(CheckBuildTest, ALaterBuildMaySayMore) {
  const absl::StatusOr<BuildInfo> info =
      Check(Script("echo iris-agent 9.1.2 build 900 handover 3-12 for the moon; echo more"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->version, "9.1.2");
  EXPECT_EQ(info->number, 900u);
  EXPECT_EQ(info->handover_min, 3u);
  EXPECT_EQ(info->handover_max, 12u);
}

TEST_F(CheckBuildTest, WhatDoesNotRunIsRefused) {
  EXPECT_EQ(KindOf(Check(Script("kill -SEGV $$")).status()), v1::FAILURE_NOT_EXECUTABLE);
  const absl::Status failing = Check(Script("echo oh; exit 3")).status();
  EXPECT_EQ(KindOf(failing), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_THAT(std::string(failing.message()), HasSubstr("exit code 3"));
  EXPECT_EQ(KindOf(Check("/nonexistent/build").status()), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(KindOf(Check(scratch_.path()).status()), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(KindOf(Check("relative").status()), v1::FAILURE_BAD_REQUEST);
}

TEST_F(CheckBuildTest, WhatHangsIsNotWaitedFor) {
  EXPECT_EQ(KindOf(Check(Script("exec sleep 600"), absl::Milliseconds(50)).status()),
            v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(KindOf(Check(Script("exec >&-; exec sleep 600"), absl::Milliseconds(50)).status()),
            v1::FAILURE_NOT_EXECUTABLE);
}

TEST_F(CheckBuildTest, WhatIsNoAgentIsRefused) {
  for (const char* said : {"iris-agent 0.1.0", "iris 0.1.0 build 2 handover 1-1",
                           "iris-agent 0.1.0 build x handover 1-1", ""}) {
    EXPECT_EQ(KindOf(Check(Script(std::string("echo ") + said)).status()), v1::FAILURE_VERSION);
  }
}

TEST_F(CheckBuildTest, WhatOthersCanChangeIsNotRun) {
  const std::string mark = scratch_.File("ran");
  const std::string program = Script("touch " + mark + "; echo iris-agent 1 build 9 handover 1-1");
  ASSERT_TRUE(Check(program).ok());
  ASSERT_EQ(remove(mark.c_str()), 0);
  chmod(program.c_str(), 0770);
  EXPECT_EQ(KindOf(Check(program).status()), v1::FAILURE_PERMISSION_DENIED);
  chmod(program.c_str(), 0700);
  chmod(scratch_.path().c_str(), 0777);
  EXPECT_EQ(KindOf(Check(program).status()), v1::FAILURE_PERMISSION_DENIED);
  struct stat info;
  EXPECT_NE(stat(mark.c_str(), &info), 0);
}

}  // namespace
}  // namespace iris
