#include "agent/claude/closed_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr uid_t kNobody = 65'534;

class ClosedFolderTest : public ::testing::Test {
 protected:
  ClosedFolderTest() {
    chmod(scratch_.path().c_str(), 0711);
    std::filesystem::create_directories(shut_ + "/below");
    std::ofstream(shut_ + "/below/program") << "x";
    chmod(shut_.c_str(), 0);
  }
  ~ClosedFolderTest() override { chmod(shut_.c_str(), 0700); }

  // What an account without rights here is told of `path`: root may enter everything.
  [[noreturn]] static void SayAsNobody(const std::string& path) {
    if (geteuid() == 0 && setuid(kNobody) != 0) _exit(2);
    std::cerr << "[" << ClosedFolder(path) << "]";
    _exit(0);
  }
  static void ExpectToldOf(const std::string& path, const std::string& folder) {
    EXPECT_EXIT(SayAsNobody(path), ::testing::ExitedWithCode(0),
                ::testing::HasSubstr("[" + folder + "]"))
        << path;
  }

  const ScratchDir scratch_;
  const std::string shut_ = scratch_.File("shut");
};

TEST_F(ClosedFolderTest, TheFolderThatKeepsTheAccountOutIsNamed) {
  ExpectToldOf(shut_ + "/below/program", shut_);
  ExpectToldOf(shut_, shut_);
  ExpectToldOf(shut_ + "/", shut_);
}

TEST_F(ClosedFolderTest, LinksAreFollowed) {
  const std::string link = scratch_.File("link"), relative = scratch_.File("relative");
  std::filesystem::create_symlink(shut_ + "/below", link);
  std::filesystem::create_symlink("shut", relative);
  ExpectToldOf(link, shut_);
  ExpectToldOf(link + "/program", shut_);
  ExpectToldOf(relative + "/below", shut_);
}

TEST_F(ClosedFolderTest, WhereNobodyIsKeptOutNothingIsNamed) {
  ExpectToldOf("/usr/bin/env", "");
  ExpectToldOf(scratch_.File("missing/program"), "");
  const std::string round = scratch_.File("round");
  std::filesystem::create_symlink(round, round);
  ExpectToldOf(round, "");
}

}  // namespace
}  // namespace iris
