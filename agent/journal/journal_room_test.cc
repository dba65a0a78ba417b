#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "agent/journal/journal_fixture.h"
#include "agent/journal/journal_sync.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

const bool kPrivate = (EnterPrivateMounts(), true);

// Where there is not enough of it: the host's quota, and the disk.

// ------------------------------------------------------------------------- several on one host

class JournalQuotaTest : public JournalTest {
 protected:
  static constexpr size_t kHostQuota = 40'000;
  JournalQuotaTest() { limits.share_bytes = 10'000; }

  std::unique_ptr<Journal> Open(const std::string& name) {
    fs::create_directory(scratch.File(name));
    return *Journal::Open(
        small, scratch.File(name), "a", [](const v1::Event&) {}, limits);
  }
  static void Fill(Journal& journal, size_t bytes) {
    while (journal.bytes() < bytes) journal.Append(Output(std::string(1000, 'x')));
  }

  JournalSync small{loop, kHostQuota};
};

TEST_F(JournalQuotaTest, BeyondTheHostsQuotaEachHasItsShareAndTheOthersWait) {
  const std::unique_ptr<Journal> forsaken = Open("one"), growing = Open("two"),
                                 small_one = Open("3");
  Fill(*forsaken, kHostQuota - 5'000);
  EXPECT_FALSE(forsaken->full());
  Fill(*growing, 9'000);
  EXPECT_TRUE(forsaken->full());
  EXPECT_FALSE(growing->full());
  EXPECT_TRUE(growing->CheckRoom().ok());
  Fill(*growing, 10'000);
  EXPECT_TRUE(growing->full());
  const absl::Status refused = growing->CheckRoom();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the journals of all sessions"));
  EXPECT_TRUE(growing->CheckDisk().ok());
  EXPECT_FALSE(small_one->full());
  EXPECT_TRUE(small_one->CheckRoom().ok());

  // Nothing was dropped.
  EXPECT_EQ(forsaken->oldest_known(), 0u);
  EXPECT_EQ(growing->oldest_known(), 0u);
}

TEST_F(JournalQuotaTest, WhatOneGivesBackEveryOneHears) {
  const std::unique_ptr<Journal> one = Open("one"), two = Open("two");
  Fill(*one, kHostQuota);
  Fill(*two, 12'000);
  ASSERT_TRUE(two->full());
  int heard = 0;
  two->OnRoom([&heard, &two] { heard += two->full() ? 0 : 1; });
  one->Trim(one->newest_seq());
  ASSERT_TRUE(RunUntil([&heard] { return heard > 0; }));
  EXPECT_FALSE(two->full());
  EXPECT_TRUE(two->CheckRoom().ok());
}

TEST_F(JournalQuotaTest, WhatIsThereAtTheStartCountsAndWhatIsClosedDoesNot) {
  std::unique_ptr<Journal> one = Open("one");
  Fill(*one, 20'000);
  const size_t bytes = small.kept_bytes();
  EXPECT_EQ(bytes, one->bytes());
  one.reset();
  EXPECT_EQ(small.kept_bytes(), 0u);
  one = Open("one");
  EXPECT_GE(small.kept_bytes(), bytes);
  EXPECT_EQ(small.kept_bytes(), one->bytes());
}

// ------------------------------------------------------------------------------------- a full disk

class FullDiskTest : public JournalTest {
 protected:
  ~FullDiskTest() override {
    journal.reset();
    UnmountEmpty(dir);
  }
  void Mount(const std::string& options) {
    MountEmpty(dir, options);
    limits.room_bytes = 16 << 10;
    Live("a");
  }
  void FillUp() {
    std::ofstream file(dir + "/ballast", std::ios::binary);
    while (file.write(std::string(4096, 'b').data(), 4096).flush()) {
    }
  }
  void MakeRoom() { fs::remove(dir + "/ballast"); }
};

TEST_F(FullDiskTest, WhatComesStaysInMemoryAndIsWrittenWhenThereIsRoom) {
  Mount("size=1m");
  EXPECT_TRUE(journal->CheckRoom().ok());
  Append(10, 1000);
  FillUp();
  EXPECT_EQ(KindOf(journal->CheckRoom()), v1::FAILURE_STORAGE);
  Append(100, 1000);
  EXPECT_GT(disk.unwritten_bytes(), 50'000u);
  EXPECT_FALSE(journal->full());
  EXPECT_EQ(AllAfter(0).size(), 110u);

  int called = 0;
  journal->OnRoom([&] { ++called; });
  MakeRoom();
  ASSERT_TRUE(RunUntil([this] { return journal->CheckRoom().ok(); }));
  EXPECT_GT(called, 0);
  EXPECT_EQ(disk.unwritten_bytes(), 0u);
  Live("b");
  EXPECT_EQ(seen.size(), 110u);
}

// Who fills it up meanwhile costs memory, and no turn.
TEST_F(FullDiskTest, ADiskWithAmpleRoomIsNotLookedAtAgainForAMoment) {
  limits.ample_for = absl::Hours(1);
  Mount("size=4m");
  EXPECT_TRUE(journal->CheckRoom().ok());
  FillUp();
  EXPECT_TRUE(journal->CheckRoom().ok());
  Append(100, 1000);
  EXPECT_EQ(KindOf(journal->CheckRoom()), v1::FAILURE_STORAGE);
  EXPECT_EQ(AllAfter(0).size(), 100u);
}

TEST_F(FullDiskTest, AfterThatMomentItIs) {
  limits.ample_for = absl::ZeroDuration();
  Mount("size=4m");
  EXPECT_TRUE(journal->CheckRoom().ok());
  FillUp();
  EXPECT_EQ(KindOf(journal->CheckRoom()), v1::FAILURE_STORAGE);
}

TEST_F(FullDiskTest, MemoryIsBoundedAndThenItIsFull) {
  limits.unwritten_bytes = 100'000;
  Mount("size=256k");
  FillUp();
  int appended = 0;
  for (; !journal->full(); ++appended) Append(1, 1000);
  EXPECT_GE(journal->bytes_in_memory(), limits.unwritten_bytes);
  EXPECT_LE(appended, 100 + 5);
  MakeRoom();
  EXPECT_TRUE(RunUntil([this] { return !journal->full(); }));
}

TEST_F(FullDiskTest, ItIsHalfFullWhereHalfOfTheMemoryIsUsedUp) {
  limits.unwritten_bytes = 100'000;
  Mount("size=256k");
  Append(20, 1000);
  EXPECT_FALSE(journal->half_full());
  FillUp();
  while (disk.unwritten_bytes() < limits.unwritten_bytes / 2) {
    EXPECT_FALSE(journal->half_full());
    Append(1, 1000);
  }
  EXPECT_TRUE(journal->half_full());
  EXPECT_FALSE(journal->full());
  journal->Trim(journal->newest_seq());
  EXPECT_FALSE(journal->half_full());
}

TEST_F(FullDiskTest, OneThatIsFullForWhatOthersHoldIsHalfFull) {
  Mount("size=256k");
  FillUp();
  Append(200, 1000);  // More than the ballast has left of its last page.
  ASSERT_GT(disk.unwritten_bytes(), 0u);
  disk.AddUnwritten(JournalSync::kUnwrittenBytesMax);
  EXPECT_TRUE(journal->full());
  EXPECT_TRUE(journal->half_full());
  disk.RemoveUnwritten(JournalSync::kUnwrittenBytesMax);
  EXPECT_FALSE(journal->half_full());
}

TEST_F(FullDiskTest, WhatIsAcknowledgedNeedNotBeWritten) {
  Mount("size=256k");
  Append(5, 1000);
  FillUp();
  Append(50, 1000);
  journal->Trim(40);
  EXPECT_EQ(journal->oldest_known(), 40u);
  EXPECT_EQ(AllAfter(40).size(), 15u);
  MakeRoom();
  ASSERT_TRUE(RunUntil([this] { return journal->CheckRoom().ok(); }));
  const v1::Position position = journal->newest();
  Live("b");
  EXPECT_EQ(journal->oldest_known(), 40u);
  EXPECT_EQ(AllAfter(40).size(), 16u);
  EXPECT_EQ(Check(position), v1::RESET_UNSPECIFIED);
}

TEST_F(FullDiskTest, ADiskThatIsFullWhenTheAgentDiesCostsOnlyWhatWasNeverWritten) {
  Mount("size=256k");
  Append(5, 1000);
  FillUp();
  Append(50, 1000);
  const size_t unwritten = disk.unwritten_bytes() / 1000;
  const v1::Position position = journal->newest();
  MakeRoom();
  Live("b");
  EXPECT_GE(seen.size() + unwritten, 50u);
  EXPECT_EQ(Check(position), v1::RESET_AHEAD);
}

TEST_F(FullDiskTest, WithoutInodesThereIsNoNewTurnButTheRunningOneGoesOn) {
  limits.segment_bytes = 10'000;
  Mount("nr_inodes=6");
  EXPECT_TRUE(journal->CheckRoom().ok());
  int files = 0;
  while (std::ofstream(dir + "/inode" + std::to_string(files))) ++files;
  const absl::Status none = journal->CheckRoom();
  EXPECT_EQ(KindOf(none), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(none.message()), HasSubstr("inodes"));
  Append(100, 1000);
  EXPECT_EQ(disk.unwritten_bytes(), 0u);  // Its last segment grows.
  EXPECT_EQ(AllAfter(0).size(), 100u);
  for (int i = 0; i < files; ++i) fs::remove(dir + "/inode" + std::to_string(i));
  EXPECT_TRUE(journal->CheckRoom().ok());
  Live("b");
  EXPECT_EQ(seen.size(), 100u);
}

// ------------------------------------------------------------- the limit on the size of a file

class FileSizeTest : public JournalTest {
 protected:
  FileSizeTest() {
    signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit lowered = before_;
    lowered.rlim_cur = 50'000;
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &lowered), 0);
  }
  ~FileSizeTest() override {
    Raise();
    signal(SIGXFSZ, SIG_DFL);
  }
  void Raise() { EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before_), 0); }

 private:
  rlimit before_ = {};
};

TEST_F(FileSizeTest, MoreThanAFileMayHoldIsInSeveral) {
  Live("a");
  Append(200, 1000);
  EXPECT_TRUE(journal->CheckDisk().ok());
  EXPECT_EQ(disk.unwritten_bytes(), 0u);
  EXPECT_GE(Segments().size(), 4u);
  Live("b");
  EXPECT_EQ(seen.size(), 200u);
}

TEST_F(FileSizeTest, WhatFitsIntoNoneWaitsAndTheLimitIsNamed) {
  Live("a");
  Append(1, 100'000);
  const absl::Status stuck = journal->CheckDisk();
  EXPECT_EQ(KindOf(stuck), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(stuck).detail(), HasSubstr("is 50000)"));
  EXPECT_THAT(ToProto(stuck).fix(), HasSubstr("ulimit -f"));
  Raise();
  EXPECT_TRUE(RunUntil([this] { return journal->CheckDisk().ok(); }));
  EXPECT_EQ(disk.unwritten_bytes(), 0u);
}

}  // namespace
}  // namespace iris
