#include "common/endpoint/private_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

void ExpectRefused(const absl::Status& status, const std::string& why) {
  EXPECT_EQ(KindOf(status), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
}

TEST(PrivateDirTest, MakesItForUsAloneWhateverTheUmask) {
  const ScratchDir scratch;
  const mode_t before = umask(0);
  const absl::Status status = EnsurePrivateDir(scratch.File("dir"));
  const absl::Status deep = EnsureOwnPath(scratch.File("a/b/c"));
  umask(before);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(deep.ok()) << deep;
  EXPECT_EQ(ModeOf(scratch.File("dir")), 0700u);
  EXPECT_EQ(ModeOf(scratch.File("a")), 0700u);
  EXPECT_EQ(ModeOf(scratch.File("a/b/c")), 0700u);
}

TEST(PrivateDirTest, ASymbolicLinkIsRefused) {
  const ScratchDir scratch;
  ASSERT_EQ(mkdir(scratch.File("real").c_str(), 0700), 0);
  ASSERT_EQ(symlink(scratch.File("real").c_str(), scratch.File("link").c_str()), 0);
  ExpectRefused(EnsurePrivateDir(scratch.File("link")), "symbolic link");
}

TEST(PrivateDirTest, AFileIsRefused) {
  const ScratchDir scratch;
  ASSERT_EQ(mknod(scratch.File("file").c_str(), S_IFREG | 0600, 0), 0);
  ExpectRefused(EnsurePrivateDir(scratch.File("file")), "not a directory");
}

TEST(PrivateDirTest, AnotherUsersDirectoryIsRefused) {
  const ScratchDir scratch;
  ASSERT_EQ(mkdir(scratch.File("dir").c_str(), 0700), 0);
  ASSERT_EQ(chown(scratch.File("dir").c_str(), 65534, 65534), 0);
  ExpectRefused(EnsurePrivateDir(scratch.File("dir")), "belongs to nobody (uid 65534)");
}

TEST(PrivateDirTest, WhatOthersMayDoDecides) {
  const ScratchDir scratch;
  ASSERT_EQ(mkdir(scratch.File("dir").c_str(), 0700), 0);
  ASSERT_EQ(chmod(scratch.File("dir").c_str(), 0755), 0);
  ExpectRefused(EnsurePrivateDir(scratch.File("dir")), "mode 0755");
  EXPECT_TRUE(EnsureOwnPath(scratch.File("dir")).ok());
  ASSERT_EQ(chmod(scratch.File("dir").c_str(), 0770), 0);
  ExpectRefused(EnsureOwnPath(scratch.File("dir")), "mode 0770");
}

TEST(PrivateDirTest, ARelativePathIsRefused) {
  ExpectRefused(EnsurePrivateDir("somewhere"), "absolute");
}

}  // namespace
}  // namespace iris
