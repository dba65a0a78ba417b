#include "agent/journal/kept_file.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/scoped_fd.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;

class KeptFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<KeptFile> File(KeptFiles& among, const std::string& name) {
    auto file = std::make_unique<KeptFile>(among, scratch.File(name), KeptFile::IfMissing::kMake);
    file->SetStays(true);
    return file;
  }
  std::string Content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(scratch.File(name), std::ios::binary).rdbuf();
    return text.str();
  }
  static ptrdiff_t OpenDescriptors() {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  }

  const ScratchDir scratch;
  KeptFiles kept{2};
};

TEST_F(KeptFileTest, OneThatStaysIsOpenedOnce) {
  const auto file = File(kept, "a");
  EXPECT_EQ(kept.opened(), 0u);
  for (size_t i = 0; i < 10; ++i) ASSERT_TRUE(file->WriteAt(i, "x").ok());
  EXPECT_EQ(kept.opened(), 1u);
  EXPECT_EQ(Content("a"), "xxxxxxxxxx");
}

TEST_F(KeptFileTest, OneThatNeedNotStayIsClosedBehindEachWrite) {
  const auto file = File(kept, "a");
  ASSERT_TRUE(file->WriteAt(0, "x").ok());
  EXPECT_EQ(kept.open(), 1u);
  file->SetStays(false);
  EXPECT_EQ(kept.open(), 0u);
  ASSERT_TRUE(file->WriteAt(1, "y").ok());
  EXPECT_EQ(kept.open(), 0u);
  EXPECT_EQ(Content("a"), "xy");
}

TEST_F(KeptFileTest, OfTooManyThoseStayOpenThatWereWrittenLast) {
  const auto a = File(kept, "a"), b = File(kept, "b"), c = File(kept, "c");
  const auto before = OpenDescriptors();
  ASSERT_TRUE(a->WriteAt(0, "1").ok());
  ASSERT_TRUE(b->WriteAt(0, "1").ok());
  ASSERT_TRUE(a->WriteAt(1, "2").ok());
  ASSERT_TRUE(c->WriteAt(0, "1").ok());
  EXPECT_EQ(OpenDescriptors(), before + 2);
  EXPECT_EQ(kept.opened(), 3u);
  ASSERT_TRUE(a->WriteAt(2, "3").ok());
  EXPECT_EQ(kept.opened(), 3u) << "b had to go";
  ASSERT_TRUE(b->WriteAt(1, "2").ok());
  EXPECT_EQ(kept.opened(), 4u);
  EXPECT_EQ(Content("a"), "123");
  EXPECT_EQ(Content("b"), "12");
}

TEST_F(KeptFileTest, WithoutAnyDescriptorToSpareNoneStaysOpen) {
  KeptFiles none{0};
  const auto file = File(none, "a");
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(file->WriteAt(i, "x").ok());
    EXPECT_EQ(none.open(), 0u);
  }
  EXPECT_EQ(Content("a"), "xxx");
}

TEST_F(KeptFileTest, WhoIsGoneKeepsNothingOpen) {
  const auto before = OpenDescriptors();
  ASSERT_TRUE(File(kept, "a")->WriteAt(0, "x").ok());
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(kept.open(), 0u);
}

TEST_F(KeptFileTest, WhatIsRemovedMovedOrReplacedIsNotWrittenTo) {
  const auto file = File(kept, "a");
  ASSERT_TRUE(file->WriteAt(0, "first").ok());
  file->CloseIfElsewhere();
  EXPECT_EQ(kept.open(), 1u);

  fs::remove(scratch.File("a"));
  file->CloseIfElsewhere();
  ASSERT_TRUE(file->WriteAt(0, "second").ok());
  EXPECT_EQ(Content("a"), "second");

  fs::rename(scratch.File("a"), scratch.File("aside"));
  std::ofstream(scratch.File("a")) << "another";
  file->CloseIfElsewhere();
  ASSERT_TRUE(file->WriteAt(0, "AN").ok());
  EXPECT_EQ(Content("a"), "ANother");
  EXPECT_EQ(Content("aside"), "second");
}

TEST_F(KeptFileTest, OneThatIsNotToBeMadeIsMissed) {
  KeptFile file(kept, scratch.File("nowhere"), KeptFile::IfMissing::kFail);
  EXPECT_TRUE(absl::IsNotFound(file.WriteAt(0, "x")));
  EXPECT_FALSE(fs::exists(scratch.File("nowhere")));
  EXPECT_EQ(kept.open(), 0u);
}

// What stays open gives way, where the process has no descriptor left.
TEST_F(KeptFileTest, WhereTheSystemGivesNoneTheOldestMakesRoom) {
  const auto a = File(kept, "a"), b = File(kept, "b");
  ASSERT_TRUE(a->WriteAt(0, "x").ok());
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<ScopedFd> all;
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  do {
    all.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (all.back());
  const absl::Status written = b->WriteAt(0, "y");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_EQ(kept.open(), 1u);
  EXPECT_EQ(Content("b"), "y");
}

TEST_F(KeptFileTest, ItsShareIsAnEighthOfWhatTheProcessMayOpenAndBounded) {
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 256;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(KeptFiles::Share(), 32u);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LE(KeptFiles::Share(), KeptFiles::kOpenMax);
}

}  // namespace
}  // namespace iris
