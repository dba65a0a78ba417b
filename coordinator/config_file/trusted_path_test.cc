#include "coordinator/config_file/trusted_path.h"

#include <dlfcn.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {
int questions = 0;  // To the databases of accounts and groups.
}  // namespace

// In the place of libc's, so that they are counted.
extern "C" int getpwuid_r(uid_t uid, passwd* entry, char* buffer, size_t size, passwd** found) {
  ++questions;
  static const auto real = reinterpret_cast<decltype(&getpwuid_r)>(dlsym(RTLD_NEXT, "getpwuid_r"));
  return real(uid, entry, buffer, size, found);
}

extern "C" int getgrgid_r(gid_t gid, group* entry, char* buffer, size_t size, group** found) {
  ++questions;
  static const auto real = reinterpret_cast<decltype(&getgrgid_r)>(dlsym(RTLD_NEXT, "getgrgid_r"));
  return real(gid, entry, buffer, size, found);
}

namespace iris {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kStranger = 54321;

class TrustedPathTest : public testing::Test {
 protected:
  TrustedPathTest() {
    dir_ = scratch_.File("iris");
    std::filesystem::create_directory(dir_);
    SetMode(dir_, 0755);
    file_ = dir_ + "/config.json";
    std::ofstream(file_) << "{}";
    SetMode(file_, 0644);
  }

  static void SetMode(const std::string& path, mode_t mode) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }
  // Empty: it is trusted; else what a person would be shown.
  std::string Refusal(const std::string& path, const std::string& home = "/home/nobody") {
    const absl::Status status = CheckTrustedPath(path, home);
    if (status.ok()) return "";
    EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST);
    return Describe(ToProto(status));
  }
  std::string Refusal() { return Refusal(file_); }

  ScratchDir scratch_;
  std::string dir_, file_;
};

TEST_F(TrustedPathTest, WhatOnlyWeCanWriteIsTrusted) {
  EXPECT_EQ(Refusal(), "");
  EXPECT_EQ(Refusal(dir_ + "/../iris/./config.json"), "");
  EXPECT_EQ(Refusal(dir_ + "/missing.json"), "") << "reading it says that it is not there";
}

TEST_F(TrustedPathTest, AFileThatOthersMayWriteIsRefusedWithTheCommand) {
  SetMode(file_, 0646);
  EXPECT_THAT(Refusal(), HasSubstr("fix: chmod go-w " + file_));
}

TEST_F(TrustedPathTest, SoIsADirectoryAnywhereOnTheWay) {
  SetMode(dir_, 0757);
  EXPECT_THAT(Refusal(), HasSubstr("fix: chmod go-w " + dir_));
  SetMode(dir_, 0755);
  SetMode(scratch_.path(), 0777);
  EXPECT_THAT(Refusal(), HasSubstr("fix: chmod go-w " + scratch_.path()));
  SetMode(scratch_.path(), 01777);
  EXPECT_EQ(Refusal(), "") << "in a sticky directory nobody else can replace what is ours";
}

TEST_F(TrustedPathTest, NobodyLooksAboveTheHome) {
  SetMode(scratch_.path(), 0777);
  EXPECT_EQ(Refusal(file_, /*home=*/dir_), "");
  EXPECT_NE(Refusal(file_, /*home=*/scratch_.File("me")), "") << "it is not in the home";
  SetMode(dir_, 0777);
  EXPECT_THAT(Refusal(file_, /*home=*/dir_), HasSubstr("chmod go-w " + dir_));
}

TEST_F(TrustedPathTest, ALinkLeadsToWhatIsLookedAtToo) {
  const std::string link = scratch_.File("link");
  std::filesystem::create_symlink("iris/config.json", link);
  EXPECT_EQ(Refusal(link), "");
  SetMode(dir_, 0777);
  EXPECT_THAT(Refusal(link), HasSubstr("chmod go-w " + dir_));
  SetMode(dir_, 0755);
  const std::string circle = scratch_.File("circle");
  std::filesystem::create_symlink("circle", circle);
  EXPECT_EQ(Refusal(circle), "") << "reading it says what is wrong";
}

TEST_F(TrustedPathTest, WhatBelongsToSomebodyElseIsRefused) {
  ASSERT_EQ(geteuid(), 0u) << "gives files away";
  ASSERT_EQ(chown(file_.c_str(), kStranger, 0), 0);
  EXPECT_THAT(Refusal(), HasSubstr("uid 54321"));
  ASSERT_EQ(chown(file_.c_str(), 0, 0), 0);
  ASSERT_EQ(chown(dir_.c_str(), kStranger, 0), 0);
  EXPECT_THAT(Refusal(), HasSubstr(dir_ + " belongs to uid 54321"));
}

// A reload is on the daemon's loop, and the databases may be a server's.
TEST_F(TrustedPathTest, TheSystemIsAskedOnceForEachAccountAndGroup) {
  SetMode(file_, 0664);
  EXPECT_EQ(Refusal(), "");
  const int asked = questions;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Refusal(), "");
  EXPECT_EQ(questions, asked);
  EXPECT_GT(asked, 0);
}

TEST_F(TrustedPathTest, AGroupMayWriteIfItIsTheOwnersOwn) {
  ASSERT_EQ(geteuid(), 0u) << "gives files away";
  SetMode(file_, 0664);
  EXPECT_EQ(Refusal(), "") << "root's own group has nobody else";
  ASSERT_EQ(chown(file_.c_str(), 0, kStranger), 0);
  EXPECT_THAT(Refusal(), HasSubstr("by its group"));
  EXPECT_THAT(Refusal(), HasSubstr("fix: chmod g-w " + file_));
}

}  // namespace
}  // namespace iris
