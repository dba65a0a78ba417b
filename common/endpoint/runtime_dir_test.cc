#include "common/endpoint/runtime_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/barrier.h"
#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RuntimeDirTest : public ::testing::Test {
 protected:
  RuntimeDirTest() {
    for (const std::string& dir : {Xdg(), scratch_.File("u"), OfUser(), Tmp()}) {
      EXPECT_EQ(mkdir(dir.c_str(), 0700), 0) << dir;
    }
  }

  std::string Xdg() const { return scratch_.File("x"); }
  std::string OfUser() const { return scratch_.File(absl::StrCat("u/", geteuid())); }
  std::string Tmp() const { return scratch_.File("t"); }
  std::string InTmp() const { return absl::StrCat(Tmp(), "/iris-", geteuid()); }

  RuntimeRoots Roots() const {
    return {.xdg_runtime_dir = Xdg(), .run_user = scratch_.File("u"), .tmp = Tmp()};
  }
  static std::string Found(const RuntimeRoots& roots, const std::string& home = "") {
    const absl::StatusOr<std::string> dir = FindRuntimeDir(roots, home);
    return dir.ok() ? *dir : dir.status().ToString();
  }

  ScratchDir scratch_;
};

TEST_F(RuntimeDirTest, TheVariableComesFirstThenTheUsersThenTmp) {
  RuntimeRoots roots = Roots();
  EXPECT_EQ(Found(roots), Xdg() + "/iris");
  roots.xdg_runtime_dir.clear();
  EXPECT_EQ(Found(roots), OfUser() + "/iris");
  ASSERT_EQ(rmdir((OfUser() + "/iris").c_str()), 0);
  ASSERT_EQ(rmdir(OfUser().c_str()), 0);
  EXPECT_EQ(Found(roots), InTmp());
}

TEST_F(RuntimeDirTest, AVariableLeftBehindByAnotherUserIsPassedOver) {
  ASSERT_EQ(chown(Xdg().c_str(), 65534, 65534), 0);
  EXPECT_EQ(Found(Roots()), OfUser() + "/iris");
}

TEST_F(RuntimeDirTest, AVariableThatOthersCanWriteIsMissingOrRelativeIsPassedOver) {
  RuntimeRoots roots = Roots();
  ASSERT_EQ(chmod(Xdg().c_str(), 0770), 0);
  EXPECT_EQ(Found(roots), OfUser() + "/iris");
  roots.xdg_runtime_dir = scratch_.File("missing");
  EXPECT_EQ(Found(roots), OfUser() + "/iris");
  roots.xdg_runtime_dir = "relative";
  EXPECT_EQ(Found(roots), OfUser() + "/iris");
}

TEST_F(RuntimeDirTest, AVariableTooLongForASocketIsPassedOver) {
  RuntimeRoots roots = Roots();
  roots.xdg_runtime_dir = scratch_.File(std::string(60, 'x'));
  ASSERT_EQ(mkdir(roots.xdg_runtime_dir.c_str(), 0700), 0);
  EXPECT_EQ(Found(roots), OfUser() + "/iris");
}

TEST_F(RuntimeDirTest, EveryHomeHasAPrivateFolderOfItsOwn) {
  const std::string one = Found(Roots(), "/home/me/one");
  EXPECT_THAT(one, StartsWith(Xdg() + "/iris/"));
  EXPECT_EQ(Found(Roots(), "/home/me//one/./"), one);
  EXPECT_NE(Found(Roots(), "/home/me/two"), one);
  EXPECT_NE(Found(Roots()), one);
  struct stat info = {};
  ASSERT_EQ(stat(one.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST_F(RuntimeDirTest, ARelativeHomeIsABadRequest) {
  EXPECT_EQ(KindOf(FindRuntimeDir(Roots(), "home").status()), v1::FAILURE_BAD_REQUEST);
}

TEST_F(RuntimeDirTest, APlantedLinkInTmpIsRefused) {
  const RuntimeRoots roots = {.xdg_runtime_dir = "", .run_user = "/nonexistent", .tmp = Tmp()};
  ASSERT_EQ(symlink(Xdg().c_str(), InTmp().c_str()), 0);
  const absl::Status status = FindRuntimeDir(roots, "").status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(status.message()), HasSubstr("symbolic link"));
}

TEST_F(RuntimeDirTest, APlantedDirectoryInTmpIsRefused) {
  const RuntimeRoots roots = {.xdg_runtime_dir = "", .run_user = "/nonexistent", .tmp = Tmp()};
  ASSERT_EQ(mkdir(InTmp().c_str(), 0700), 0);
  ASSERT_EQ(chown(InTmp().c_str(), 65534, 65534), 0);
  EXPECT_EQ(KindOf(FindRuntimeDir(roots, "").status()), v1::FAILURE_STORAGE);
}

TEST_F(RuntimeDirTest, TheLongestEndpointFitsASocketAddress) {
  std::string root = scratch_.path() + "/";
  root.append(60 - root.size(), 'x');
  ASSERT_EQ(mkdir(root.c_str(), 0700), 0);
  ASSERT_EQ(setenv("XDG_RUNTIME_DIR", root.c_str(), 1), 0);
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("coordinator", "/some/home");
  unsetenv("XDG_RUNTIME_DIR");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_THAT(endpoint->socket, StartsWith(root + "/iris/"));
  EXPECT_EQ(endpoint->socket, endpoint->dir + "/coordinator.sock");
  EXPECT_EQ(endpoint->lock, endpoint->dir + "/coordinator.lock");
  EXPECT_LT(endpoint->socket.size(), 100u);
}

// Where neither a variable nor /run/user gives a directory.
class TakenTmpTest : public RuntimeDirTest {
 protected:
  TakenTmpTest() {
    EXPECT_EQ(chmod(Tmp().c_str(), 01777), 0);
    roots_ = {.xdg_runtime_dir = "",
              .run_user = scratch_.File("none"),
              .tmp = Tmp(),
              .other_name = scratch_.File("h/.local/share/iris/tmp-boot")};
  }
  void GiveAway(const std::string& dir) {
    EXPECT_TRUE(mkdir(dir.c_str(), 0700) == 0 || errno == EEXIST) << dir;
    EXPECT_EQ(chown(dir.c_str(), 65534, 65534), 0);
  }

  static std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  RuntimeRoots roots_;
};

TEST_F(TakenTmpTest, WhoTakesTheNameBeforeItsUserLocksNobodyOut) {
  GiveAway(InTmp());
  const std::string one = Found(roots_);
  EXPECT_THAT(one, StartsWith(InTmp() + "-"));
  EXPECT_TRUE(EnsurePrivateDir(one).ok());
  EXPECT_EQ(Found(roots_), one) << "both ends of a socket must find the same";
  EXPECT_THAT(Found(roots_, "/home/me"), StartsWith(one + "/"));
}

// It is asked on a daemon's loop.
TEST_F(TakenTmpTest, NobodyIsWaitedFor) {
  GiveAway(InTmp());
  const std::string folder = scratch_.File("h/.local/share/iris");
  ASSERT_TRUE(EnsureOwnPath(folder).ok());
  const ScopedFd held(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(held.get(), LOCK_EX), 0);
  const absl::Time asked = absl::Now();
  alarm(20);  // The default action ends a test that waits for ever.
  EXPECT_THAT(Found(roots_), StartsWith(InTmp() + "-"));
  alarm(0);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(10));
}

TEST_F(TakenTmpTest, ManyThatChooseAtOnceFindTheSame) {
  GiveAway(InTmp());
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> found(8);
    std::vector<std::thread> threads;
    absl::Barrier* begin = new absl::Barrier(static_cast<int>(found.size()));
    for (std::string& one : found) {
      threads.emplace_back([this, &one, begin] {
        if (begin->Block()) delete begin;
        one = Found(roots_);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_THAT(found, Each(found[0]));
    EXPECT_THAT(found[0], StartsWith(InTmp() + "-"));
    EXPECT_THAT(Names(scratch_.File("h/.local/share/iris")), ElementsAre("tmp-boot"));
    ASSERT_EQ(unlink(roots_.other_name.c_str()), 0);
  }
}

TEST_F(TakenTmpTest, WhatWasChosenStaysWhenTheUsualNameBecomesFree) {
  GiveAway(InTmp());
  const std::string one = Found(roots_);
  ASSERT_EQ(rmdir(InTmp().c_str()), 0);
  EXPECT_EQ(Found(roots_), one) << "daemons listen there";
}

TEST_F(TakenTmpTest, WhoTakesThatNameTooMeetsAnotherOne) {
  GiveAway(InTmp());
  const std::string one = Found(roots_);
  GiveAway(one);
  const std::string two = Found(roots_);
  EXPECT_THAT(two, StartsWith(InTmp() + "-"));
  EXPECT_NE(two, one);
  EXPECT_EQ(Found(roots_), two);
}

TEST_F(TakenTmpTest, ARecordThatIsNoneIsPassedOver) {
  GiveAway(InTmp());
  const std::string one = Found(roots_);
  for (const std::string& text : {std::string("../etc"), std::string(), InTmp()}) {
    std::ofstream(roots_.other_name) << text;
    EXPECT_THAT(Found(roots_), StartsWith(InTmp() + "-")) << text;
  }
  std::ofstream(roots_.other_name, std::ios::trunc) << "";
  ASSERT_EQ(chown(InTmp().c_str(), geteuid(), 0), 0);
  EXPECT_EQ(Found(roots_), InTmp()) << "nothing is chosen while nobody is in the way";
}

TEST_F(TakenTmpTest, WhereNothingIsLeftTheOwnerIsNamed) {
  GiveAway(InTmp());
  roots_.other_name.clear();
  const absl::StatusOr<std::string> none = FindRuntimeDir(roots_, "");
  EXPECT_EQ(KindOf(none.status()), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("belongs to nobody (uid 65534)"));
  EXPECT_THAT(ToProto(none.status()).fix(), HasSubstr("XDG_RUNTIME_DIR"));

  roots_.other_name = "/proc/none/tmp-boot";
  EXPECT_THAT(std::string(FindRuntimeDir(roots_, "").status().message()),
              HasSubstr("belongs to nobody (uid 65534)"));
}

}  // namespace
}  // namespace iris
