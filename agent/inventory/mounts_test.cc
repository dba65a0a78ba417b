#include "agent/inventory/mounts.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

const bool kPrivate = (EnterPrivateMounts(), true);

// A table of mounts as a test wants it; what they are mounted on is ordinary directories.
class MountsTest : public ::testing::Test {
 protected:
  void Mount(const std::string& at, const std::string& type) {
    std::ofstream(table_, std::ios::app)
        << "36 35 98:0 / " << at << " rw,noatime master:1 - " << type << " source rw\n";
  }
  bool LiesOn(const std::string& path) { return mounts_.LeadsOntoNetwork(path); }

  const ScratchDir scratch_;
  const std::string table_ = scratch_.File("mountinfo");
  const std::string tools_ = scratch_.File("the tools");  // On the network.
  Mounts mounts_{table_};
};

TEST_F(MountsTest, WhatIsBelowAMountOfTheNetworkIsKnownWithoutALookAtIt) {
  Mount("/", "ext4");
  Mount(scratch_.File("the\\040tools"), "nfs4");
  Mount(scratch_.File("the\\040tools/disk"), "xfs");
  Mount(scratch_.File("home"), "nfs");
  Mount(scratch_.File("home"), "ext4");  // Over it.
  EXPECT_TRUE(LiesOn(tools_));
  EXPECT_TRUE(LiesOn(tools_ + "/bin/claude")) << "it is not there, and nobody has looked";
  EXPECT_TRUE(LiesOn(tools_ + "/disk/claude")) << "the way there leads over it";
  EXPECT_FALSE(LiesOn(tools_ + "2/claude"));
  EXPECT_FALSE(LiesOn(scratch_.File("home/claude")));
  EXPECT_TRUE(LiesOn(scratch_.File("home/./../the tools/x")));
  EXPECT_FALSE(LiesOn("/"));
}

TEST_F(MountsTest, LinksAreFollowed) {
  namespace fs = std::filesystem;
  Mount("/", "ext4");
  Mount(scratch_.File("the\\040tools"), "fuse.sshfs");
  fs::create_directory(scratch_.File("bin"));
  fs::create_symlink(tools_ + "/claude", scratch_.File("bin/claude"));
  fs::create_symlink("../bin", scratch_.File("bin/here"));
  fs::create_symlink("loop", scratch_.File("bin/loop"));
  EXPECT_TRUE(LiesOn(scratch_.File("bin/claude")));
  EXPECT_TRUE(LiesOn(scratch_.File("bin/here/here/claude")));
  EXPECT_FALSE(LiesOn(scratch_.File("bin/here/node")));
  EXPECT_FALSE(LiesOn(scratch_.File("bin/loop/x")));
}

TEST_F(MountsTest, WhereThereIsNoTableTheFileSystemIsAsked) {
  EXPECT_FALSE(LiesOn("/dev/shm"));
  EXPECT_FALSE(LiesOn("/nonexistent"));
}

TEST_F(MountsTest, WhatIsMountedOverItLaterCounts) {
  const std::string project = scratch_.File("project");
  Mount("/", "ext4");
  EXPECT_FALSE(LiesOn(project));
  Mount(project, "nfs4");
  EXPECT_TRUE(LiesOn(project));
  Mount(project, "ext4");
  EXPECT_FALSE(LiesOn(project));
}

// The kernel's own table.
class KernelMountsTest : public ::testing::Test {
 protected:
  // What is asked a thousand times, and how often the table was read for that.
  uint64_t ReadsForMany() {
    const uint64_t before = mounts_.reads();
    for (int i = 0; i < 1000; ++i) (void)mounts_.LeadsOntoNetwork(scratch_.path());
    return mounts_.reads() - before;
  }

  const ScratchDir scratch_;
  Mounts mounts_;
};

TEST_F(KernelMountsTest, IsReadOnceAndAgainWhenSomethingIsMountedOrUnmounted) {
  EXPECT_EQ(ReadsForMany(), 1u);
  EXPECT_EQ(ReadsForMany(), 0u);
  for (int i = 0; i < 3; ++i) {
    MountEmpty(scratch_.path(), "");
    EXPECT_EQ(ReadsForMany(), 1u);
    EXPECT_EQ(ReadsForMany(), 0u);
    UnmountEmpty(scratch_.path());
    EXPECT_EQ(ReadsForMany(), 1u);
  }
}

TEST_F(KernelMountsTest, AChangeBetweenTwoQuestionsIsNotMissed) {
  for (int i = 0; i < 20; ++i) {
    const uint64_t before = mounts_.reads();
    (void)mounts_.LeadsOntoNetwork("/");
    MountEmpty(scratch_.path(), "");
    (void)mounts_.LeadsOntoNetwork("/");
    UnmountEmpty(scratch_.path());
    EXPECT_EQ(mounts_.reads(), before + 2);
  }
}

}  // namespace
}  // namespace iris
