#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/journal/journal_fixture.h"
#include "agent/journal/segment.h"
#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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
    if (from_disk) {
      ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
    }
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

// Over syncs, and over what is trimmed of it: a warm tell opens nothing.
TEST_F(JournalTest, WhatStaysOpenIsOpenedOnceAndClosedAtTheEnd) {
  Live("a");
  journal->SetStaysOpen(true);
  for (int turn = 0; turn < 5; ++turn) {
    Append(8);
    AcknowledgeAll();
    if (turn == 0) EXPECT_EQ(disk.kept_files().open(), 2u);  // The segment, and the mark.
  }
  const uint64_t opened = disk.kept_files().opened();
  Append(8);
  AcknowledgeAll();
  EXPECT_EQ(disk.kept_files().opened(), opened);
  journal->SetStaysOpen(false);
  EXPECT_EQ(disk.kept_files().open(), 0u);
  Live("b");
  EXPECT_EQ(journal->newest_seq(), 49u);
}

TEST_F(JournalTest, OfManySegmentsTheOneStaysOpenThatIsAppendedTo) {
  limits.segment_bytes = 5'000;
  Live("a");
  journal->SetStaysOpen(true);
  Append(50, 1000);
  EXPECT_GT(Segments().size(), 5u);
  EXPECT_EQ(disk.kept_files().open(), 1u);
  EXPECT_EQ(AllAfter(0).size(), 50u);
}

// As the next agent finds it: nothing was written where nobody looks.
TEST_F(JournalTest, OneThatStaysOpenAndIsMovedAwayIsMissed) {
  Live("a");
  journal->SetStaysOpen(true);
  Append(3);
  ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
  int gone = 0;
  journal->OnGone([&] { ++gone; });
  fs::rename(dir, scratch.File("aside"));
  Append(2);
  EXPECT_FALSE(journal->all_written());
  ASSERT_TRUE(RunUntil([&] { return gone > 0; }));
  journal->OnGone(nullptr);
  fs::create_directory(dir);
  ASSERT_TRUE(journal->WriteAnew().ok());
  Live("b");
  EXPECT_THAT(seen, ElementsAre(4, 5));
}

// Of the newest ones memory knows where they lie: their file need not be there.
TEST_F(JournalTest, WhatIsTrimmedIsCountedWithoutALookAtTheDisk) {
  Live("a");
  for (size_t i = 1; i <= Segment::kNewestKnown; ++i) journal->Append(Output(std::string(i, 'x')));
  ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
  std::vector<size_t> left;  // Bytes behind each event, as a copy of it says.
  for (const EventPtr& event : AllAfter(0)) left.push_back(8 + event->ByteSizeLong());
  fs::rename(Segments()[0], scratch.File("aside"));
  size_t bytes = journal->bytes();
  for (uint64_t seq = 1; seq < left.size(); ++seq) {
    journal->Trim(seq);
    bytes -= left[seq - 1];
    ASSERT_EQ(journal->bytes(), bytes) << seq;
  }
}

TEST_F(JournalTest, OneWhoseFilesWereRemovedGoesOnWithWhatMemoryHas) {
  Live("a");
  Append(3);
  ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
  Append(2);
  fs::remove_all(dir);
  fs::create_directory(dir);
  ASSERT_TRUE(journal->WriteAnew().ok());
  EXPECT_EQ(journal->oldest_known(), 3u);
  EXPECT_EQ(journal->bytes(), journal->bytes_in_memory());
  Append(1);
  EXPECT_THAT(SeqsAfter(3), ElementsAre(4, 5, 6));
  ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
  Live("b");
  EXPECT_EQ(journal->oldest_known(), 3u);
  EXPECT_THAT(SeqsAfter(3), ElementsAre(4, 5, 6, 7));  // With the new life.
}

// What is trimmed of files that are gone cannot be counted exactly.
TEST_F(JournalTest, OneWhoseFilesWereRemovedBeforeItWasTrimmedCountsWhatItHas) {
  Live("a");
  Append(3, 1000);
  ASSERT_TRUE(RunUntil([this] { return journal->bytes_in_memory() == 0; }));
  journal->Trim(1);
  fs::remove_all(dir);
  Append(1, 1000);
  journal->Trim(3);
  fs::create_directory(dir);
  ASSERT_TRUE(journal->WriteAnew().ok());
  EXPECT_EQ(journal->bytes(), journal->bytes_in_memory());
  EXPECT_EQ(disk.kept_bytes(), journal->bytes());
  EXPECT_THAT(SeqsAfter(3), ElementsAre(4));
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

TEST_F(JournalTest, ItsTailSaysWhetherAnythingWasWrittenSince) {
  limits.segment_bytes = 5'000;
  Live("a");
  std::optional<Journal::Tail> tail = journal->tail();
  ASSERT_TRUE(tail.has_value());
  EXPECT_TRUE(Journal::EndsAt(dir, *tail));
  Append(1);
  EXPECT_FALSE(Journal::EndsAt(dir, *tail));
  tail = journal->tail();
  EXPECT_TRUE(Journal::EndsAt(dir, *tail));
  Live("b");
  EXPECT_FALSE(Journal::EndsAt(dir, *tail)) << "another life alone is something";

  while (journal->tail().has_value()) Append(1, 1000);  // Until the next one goes elsewhere.
  Append(1);
  EXPECT_EQ(journal->tail()->first_seq, journal->newest_seq());
  AcknowledgeAll();
  EXPECT_TRUE(Journal::EndsAt(dir, *journal->tail()));
  fs::remove(Segments().back());
  EXPECT_FALSE(Journal::EndsAt(dir, *journal->tail()));
}

TEST_F(JournalTest, OneThatHasSomethingInMemoryAloneHasNoTail) {
  Live("a");
  fs::rename(dir, scratch.File("aside"));
  Append(1);
  EXPECT_FALSE(journal->tail().has_value());
  fs::rename(scratch.File("aside"), dir);
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

}  // namespace
}  // namespace iris
