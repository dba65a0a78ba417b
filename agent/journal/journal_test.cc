#include "agent/journal/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "agent/journal/journal_disk.h"
#include "agent/journal/segment.h"
#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"
#include "common/loop/event_loop.h"
#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

const bool kPrivate = (EnterPrivateMounts(), true);
constexpr size_t kNoLimit = 1 << 30;

v1::Event Output(const std::string& bytes) {
  v1::Event event;
  event.mutable_output()->set_bytes(bytes);
  return event;
}

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void Overwrite(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// One journal, and lives of the agent that open it one after the other.
class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    fs::create_directory(dir);
    loop.Stop();
  }
  ~JournalTest() override { journal.reset(); }

  // The agent's life ends without a word and another one begins.
  void Live(const std::string& incarnation) {
    journal.reset();
    seen.clear();
    absl::StatusOr<std::unique_ptr<Journal>> opened = Journal::Open(
        disk, dir, incarnation, [this](const v1::Event& event) { seen.push_back(event.seq()); },
        limits);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal = *std::move(opened);
  }
  void Append(int count, size_t bytes = 1) {
    for (int i = 0; i < count; ++i) journal->Append(Output(std::string(bytes, 'x')));
  }
  // Does what the loop would do until `condition` holds. False after 30 s.
  bool RunUntil(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (!condition() && absl::Now() < deadline) {
      loop.After(absl::Milliseconds(1), [] {});
      loop.Run();  // One round: the loop was stopped.
    }
    return condition();
  }
  // The lease holder has all, and so has the disk.
  void AcknowledgeAll() {
    journal->Trim(journal->newest_seq());
    ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == journal->newest_seq(); }));
  }
  std::vector<uint64_t> SeqsAfter(uint64_t seq, size_t bytes_max = kNoLimit) const {
    std::vector<uint64_t> seqs;
    const auto events = journal->After(seq, bytes_max);
    EXPECT_TRUE(events.ok()) << events.status();
    for (const EventPtr& event : *events) seqs.push_back(event->seq());
    return seqs;
  }
  // All that there is after `seq`, batch by batch.
  std::vector<EventPtr> AllAfter(uint64_t seq, size_t bytes_max = 4096) const {
    std::vector<EventPtr> all;
    while (seq < journal->newest_seq()) {
      const auto events = journal->After(seq, bytes_max);
      if (!events.ok() || events->empty()) {
        ADD_FAILURE() << "nothing after " << seq << ": " << events.status();
        break;
      }
      all.insert(all.end(), events->begin(), events->end());
      seq = all.back()->seq();
    }
    return all;
  }
  std::vector<std::string> Segments() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(dir)) {
      if (entry.path().extension() == ".seg") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  v1::ResetReason Check(v1::Position position) const { return journal->CheckPosition(position); }

  const ScratchDir scratch;
  const std::string dir = scratch.File("journal");
  Journal::Limits limits{.retry_every = absl::Milliseconds(5)};
  EventLoop loop;
  JournalDisk disk{loop};
  std::vector<uint64_t> seen;  // By the life that runs, at its start.
  std::unique_ptr<Journal> journal;
};

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

  JournalDisk small{loop, kHostQuota};
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

// ------------------------------------------------------------------------------- within one life

TEST_F(JournalTest, AReaderGetsExactlyWhatItMissed) {
  Live("a");
  Append(4);
  EXPECT_THAT(SeqsAfter(0), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(SeqsAfter(2), ElementsAre(3, 4));
  EXPECT_THAT(SeqsAfter(4), IsEmpty());
}

TEST_F(JournalTest, ABatchStaysWithinItsBytesButHoldsAtLeastOneEvent) {
  Live("a");
  Append(3, 1000);
  const size_t one = WireBytes(Output(std::string(1000, 'x')));
  for (const bool from_disk : {false, true}) {
    if (from_disk) ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
    EXPECT_THAT(SeqsAfter(0, 2 * one), ElementsAre(1, 2));
    EXPECT_THAT(SeqsAfter(0, 2 * one - 1), ElementsAre(1));
    EXPECT_THAT(SeqsAfter(0, 1), ElementsAre(1));
  }
}

TEST_F(JournalTest, WhatIsDurableTakesNoMemoryAndNoDescriptor) {
  const auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = open_files();
  Live("a");
  Append(100, 10'000);
  EXPECT_GT(journal->bytes_in_memory(), 0u);
  ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
  EXPECT_TRUE(RunUntil([&] { return open_files() == before; }));
  EXPECT_EQ(AllAfter(0).size(), 100u);
}

TEST_F(JournalTest, AReaderFarBehindGetsAllOfManySegmentsInOrder) {
  limits.segment_bytes = 5'000;
  limits.memory_bytes = 10'000;
  Live("a");
  for (int i = 1; i <= 2000; ++i) journal->Append(Output(std::to_string(i)));
  EXPECT_LE(journal->bytes_in_memory(), limits.memory_bytes);
  EXPECT_GT(Segments().size(), 2u);

  for (const size_t batch : {1u, 100u, 5'000u, 1u << 30}) {
    const std::vector<EventPtr> all = AllAfter(0, batch);
    ASSERT_EQ(all.size(), 2000u);
    for (int i = 0; i < 2000; ++i) {
      ASSERT_EQ(all[i]->seq(), i + 1u);
      ASSERT_EQ(all[i]->output().bytes(), std::to_string(i + 1));
    }
  }
  for (uint64_t seq = 0; seq < 2000; seq += 7) EXPECT_EQ(SeqsAfter(seq, 1)[0], seq + 1);
}

TEST_F(JournalTest, TrimmingWaitsForTheDiskAndThenDropsTheAcknowledged) {
  Live("a");
  Append(4);
  const size_t all = journal->bytes();
  journal->Trim(3);
  EXPECT_EQ(journal->oldest_known(), 0u);  // The loop has not run: nothing is durable.
  ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == 3; }));
  EXPECT_THAT(SeqsAfter(3), ElementsAre(4));
  EXPECT_EQ(journal->bytes(), all / 4);
  EXPECT_TRUE(journal->has_unacknowledged());
  journal->Trim(2);
  EXPECT_EQ(journal->oldest_known(), 3u);
  journal->Trim(100);
  EXPECT_EQ(journal->bytes(), 0u);
  EXPECT_FALSE(journal->has_unacknowledged());
  Append(1);
  EXPECT_THAT(SeqsAfter(4), ElementsAre(5));  // Numbers go on.
}

TEST_F(JournalTest, AcknowledgedSegmentsAreRemovedFromTheDisk) {
  limits.segment_bytes = 10'000;
  Live("a");
  Append(100, 1000);
  const size_t before = Segments().size();
  EXPECT_GE(before, 10u);
  journal->Trim(50);
  ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == 50; }));
  EXPECT_LE(Segments().size(), before / 2 + 1);
  EXPECT_EQ(AllAfter(50).size(), 50u);
  AcknowledgeAll();
  EXPECT_EQ(Segments().size(), 1u);
}

TEST_F(JournalTest, ItIsFullAtItsQuotaAndNotBefore) {
  limits.quota_bytes = 50'000;
  Live("a");
  while (journal->bytes() + 1100 < limits.quota_bytes) Append(1, 1000);
  EXPECT_FALSE(journal->full());
  Append(2, 1000);
  EXPECT_TRUE(journal->full());
  AcknowledgeAll();
  EXPECT_FALSE(journal->full());
}

TEST_F(JournalTest, FilesAreForUsAlone) {
  Live("a");
  Append(1);
  for (const auto& entry : fs::directory_iterator(dir)) {
    struct stat info;
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << entry.path();
  }
}

// --------------------------------------------------------------------------------- over many lives

TEST_F(JournalTest, TheNextLifeGoesOnWhereTheLastOneEnded) {
  Live("a");
  Append(3);
  const v1::Position position = journal->newest();
  Live("b");
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_EQ(Check(position), v1::RESET_UNSPECIFIED);
  const auto events = journal->After(3, kNoLimit);
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ((*events)[0]->incarnation().incarnation(), "b");
  EXPECT_EQ(journal->newest().journal_id(), position.journal_id());
  EXPECT_EQ(journal->newest().incarnation(), "b");
  EXPECT_EQ(journal->PositionAt(3).incarnation(), "a");
}

TEST_F(JournalTest, APositionThatCannotBeHonouredSaysWhy) {
  Live("a");
  const v1::Position nothing = journal->newest();
  Append(4);
  const v1::Position four = journal->newest();
  EXPECT_EQ(Check(nothing), v1::RESET_UNSPECIFIED);
  journal->Trim(2);
  ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == 2; }));
  EXPECT_EQ(Check(nothing), v1::RESET_TRIMMED);
  EXPECT_EQ(Check(journal->PositionAt(1)), v1::RESET_TRIMMED);
  EXPECT_EQ(Check(journal->PositionAt(2)), v1::RESET_UNSPECIFIED);
  EXPECT_EQ(Check(four), v1::RESET_UNSPECIFIED);
  EXPECT_EQ(Check(journal->PositionAt(5)), v1::RESET_AHEAD);

  v1::Position other = four;
  other.set_journal_id("another");
  EXPECT_EQ(Check(other), v1::RESET_UNKNOWN_JOURNAL);
}

TEST_F(JournalTest, AJournalThatWasRolledBackSaysSoBeforeAndAfterItCatchesUp) {
  Live("a");
  Append(3);
  fs::copy(dir, scratch.File("older"));
  Append(3);
  const v1::Position six = journal->newest();
  journal.reset();
  fs::remove_all(dir);
  fs::copy(scratch.File("older"), dir);

  Live("b");
  EXPECT_EQ(Check(six), v1::RESET_AHEAD);
  Append(10);
  EXPECT_EQ(Check(six), v1::RESET_AHEAD);  // Event 6 is another one now.
  Live("c");
  EXPECT_EQ(Check(six), v1::RESET_AHEAD);
  v1::Position three = six;
  three.set_seq(3);
  EXPECT_EQ(Check(three), v1::RESET_UNSPECIFIED);
}

TEST_F(JournalTest, AJournalThatIsGoneIsAnotherOne) {
  Live("a");
  Append(3);
  const v1::Position three = journal->newest();
  journal.reset();
  fs::remove_all(dir);
  fs::create_directory(dir);
  Live("b");
  EXPECT_EQ(journal->newest_seq(), 0u);  // Its first life begins without a word.
  EXPECT_EQ(Check(three), v1::RESET_UNKNOWN_JOURNAL);
}

TEST_F(JournalTest, WhatWasTrimmedStaysTrimmed) {
  limits.segment_bytes = 10'000;
  Live("a");
  Append(30, 1000);
  journal->Trim(25);
  ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == 25; }));
  const size_t bytes = journal->bytes();
  Live("b");
  EXPECT_EQ(journal->oldest_known(), 25u);
  EXPECT_LT(journal->bytes(), bytes + 200);
  EXPECT_EQ(AllAfter(25).size(), 6u);
  EXPECT_TRUE(journal->has_unacknowledged());
  AcknowledgeAll();
  Live("c");
  EXPECT_FALSE(journal->has_unacknowledged());  // Another life alone is no news.
  EXPECT_EQ(Check(journal->PositionAt(31)), v1::RESET_UNSPECIFIED);
  EXPECT_EQ(journal->PositionAt(31).incarnation(), "b");
}

TEST_F(JournalTest, ATornTrimMarkCostsNothingButRoom) {
  Live("a");
  Append(3);
  const v1::Position three = journal->newest();
  journal->Trim(2);
  ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == 2; }));
  journal.reset();
  Overwrite(dir + "/mark", Content(dir + "/mark").substr(0, 20));
  Live("b");
  EXPECT_EQ(Check(three), v1::RESET_UNSPECIFIED);
  EXPECT_EQ(journal->oldest_known(), 0u);
  EXPECT_EQ(AllAfter(0).size(), 4u);
}

// ----------------------------------------------------------------------------------------- damage

TEST_F(JournalTest, CutAtEveryByteItKeepsEveryWholeEventAndGoesOn) {
  Live("a");
  std::vector<size_t> ends = {Content(Segments()[0]).size()};
  for (int i = 1; i <= 6; ++i) {
    journal->Append(Output(std::string(i * 3, 'y')));
    ends.push_back(Content(Segments()[0]).size());
  }
  journal.reset();
  const std::string file = Segments()[0], whole = Content(file);
  for (size_t cut = ends[0]; cut <= whole.size(); ++cut) {
    Overwrite(file, whole.substr(0, cut));
    Live("b");
    const size_t kept = std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1;
    ASSERT_EQ(seen.size(), kept) << "cut at " << cut;
    ASSERT_EQ(journal->newest_seq(), kept + 1);
    Live("c");
    ASSERT_EQ(seen.size(), kept + 1) << "cut at " << cut;
  }
}

TEST_F(JournalTest, WithItsHeaderCutTheJournalIsStillItself) {
  Live("a");
  Append(3);
  const v1::Position three = journal->newest();
  journal.reset();
  const std::string file = Segments()[0], whole = Content(file);
  for (size_t cut = 0; cut < 128; ++cut) {
    Overwrite(file, whole.substr(0, cut));
    Live("b");
    ASSERT_EQ(Check(three), v1::RESET_AHEAD) << "cut at " << cut;
    ASSERT_THAT(SeqsAfter(0), ElementsAre(1));
  }
}

TEST_F(JournalTest, AnyFlippedByteEndsItAtTheEventBefore) {
  Live("a");
  Append(5, 10);
  journal.reset();
  const std::string file = Segments()[0], whole = Content(file);
  const size_t record = (whole.size() - 128) / 5;
  for (size_t at = 128; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    Overwrite(file, damaged);
    Live("b");
    ASSERT_EQ(seen.size(), (at - 128) / record) << "byte " << at;
  }
}

TEST_F(JournalTest, WhatFollowsADamageInAnEarlierSegmentGoes) {
  limits.segment_bytes = 5'000;
  Live("a");
  Append(20, 1000);
  journal.reset();
  const std::vector<std::string> files = Segments();
  ASSERT_GE(files.size(), 3u);
  Overwrite(files[1], Content(files[1]).substr(0, 2000));
  Live("b");
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_EQ(Segments().size(), 2u);
  EXPECT_EQ(AllAfter(0).size(), 7u);
}

TEST_F(JournalTest, ZerosWhereTheDiskLostTheTailAreNoEvents) {
  Live("a");
  Append(2);
  journal.reset();
  std::ofstream(Segments()[0], std::ios::app) << std::string(4096, '\0');
  Live("b");
  EXPECT_THAT(seen, ElementsAre(1, 2));
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

}  // namespace
}  // namespace iris
