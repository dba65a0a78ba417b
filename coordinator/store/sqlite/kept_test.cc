#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/store/sqlite/database.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What is settled: how much of it is kept, for how long, and how it is listed.
class StoreKeptTest : public StoreTest {
 protected:
  static std::vector<std::string> Listed(Store& store, absl::string_view from = "",
                                         bool all = false) {
    std::vector<std::string> ids;
    const absl::StatusOr<std::vector<StoredTellSummary>> found = store.Summaries(from, all);
    for (const StoredTellSummary& summary : *found) ids.push_back(summary.tell_id);
    return ids;
  }
  static bool Fetched(Store& store, const std::string& id) {
    EXPECT_TRUE(store.MarkFetched(id).ok());
    return store.FindTell(id)->value().fetched;
  }
  static void SettleAndFetch(Store& store, const std::string& id, absl::string_view answer = "") {
    ASSERT_TRUE(Settle(store, id, absl::OkStatus(), answer).ok());
    EXPECT_TRUE(Fetched(store, id));
  }
  // Time that passes while the coordinator runs.
  void Pass(absl::Duration time) {
    up_ += time;
    now_ += time;
  }
};

TEST_F(StoreKeptTest, TheOldestSettledTellsAreForgottenByNumber) {
  StoreOptions options = Options();
  options.settled_tells_max = 2;
  const auto store = *SqliteStore::Open(options);
  const std::string open = Added(*store);
  const std::string a = Added(*store), b = Added(*store), c = Added(*store);
  // Settled in another order than accepted: the order of settling counts.
  for (const std::string& id : {c, b, a}) SettleAndFetch(*store, id);

  EXPECT_FALSE(store->FindTell(c)->has_value());
  EXPECT_TRUE(store->FindTell(b)->has_value());
  EXPECT_TRUE(store->FindTell(a)->has_value());
  EXPECT_TRUE(store->FindTell(open)->has_value());
}

// Each by itself would write as much as it did when it came.
TEST_F(StoreKeptTest, ThoseThatAreForgottenGoTogetherWhenThereIsASixteenthMore) {
  StoreOptions options = Options();
  options.settled_tells_max = 16;
  const auto store = Opened(options);
  std::vector<std::string> ids;
  const auto kept = [&] { return Listed(*store, "", /*all=*/true).size(); };
  for (int i = 0; i < 17; ++i) {
    ids.push_back(Added(*store));
    SettleAndFetch(*store, ids.back());
  }
  EXPECT_EQ(kept(), 17u);
  ids.push_back(Added(*store));
  ASSERT_TRUE(Settle(*store, ids.back(), absl::OkStatus(), "").ok());
  EXPECT_EQ(kept(), 16u);
  EXPECT_FALSE(store->FindTell(ids[1])->has_value());
  EXPECT_TRUE(store->FindTell(ids[2])->has_value());
}

TEST_F(StoreKeptTest, WhatWasSettledBeforeTheStoreWasOpenedCountsToo) {
  StoreOptions options = Options();
  options.settled_tells_max = 2;
  auto store = *SqliteStore::Open(options);
  const std::string a = Added(*store), b = Added(*store), c = Added(*store);
  for (const std::string& id : {a, b}) SettleAndFetch(*store, id);
  store.reset();
  store = *SqliteStore::Open(options);
  ASSERT_TRUE(Settle(*store, c, absl::OkStatus(), "").ok());

  EXPECT_FALSE(store->FindTell(a)->has_value());
  EXPECT_TRUE(store->FindTell(b)->has_value());
}

TEST_F(StoreKeptTest, TheOldestSettledTellsAreForgottenByBytesButNeverTheNewest) {
  StoreOptions options = Options();
  options.settled_bytes_max = 100;
  const auto store = *SqliteStore::Open(options);
  const std::string a = Added(*store), b = Added(*store), c = Added(*store);
  SettleAndFetch(*store, a, std::string(40, 'a'));
  SettleAndFetch(*store, b, std::string(40, 'b'));
  EXPECT_TRUE(store->FindTell(a)->has_value());  // 40 + 40 + the two texts = 90.

  ASSERT_TRUE(Settle(*store, c, absl::OkStatus(), std::string(500, 'c')).ok());
  EXPECT_FALSE(store->FindTell(a)->has_value());
  EXPECT_FALSE(store->FindTell(b)->has_value());
  EXPECT_EQ(store->FindTell(c)->value().answer.size(), 500u);
}

TEST_F(StoreKeptTest, WhatFailedTellsSayCountsToo) {
  StoreOptions options = Options();
  options.settled_bytes_max = 1000;
  const auto store = *SqliteStore::Open(options);
  const std::string a = Added(*store), b = Added(*store);
  SettleAndFetch(*store, a, std::string(40, 'a'));
  ASSERT_TRUE(
      Settle(*store, b, MakeFailure(v1::FAILURE_CLAUDE_ERROR, std::string(900, 'd'), "fix it"), "")
          .ok());
  EXPECT_TRUE(store->FindTell(a)->has_value());
  const std::string c = Added(*store);
  ASSERT_TRUE(
      Settle(*store, c, MakeFailure(v1::FAILURE_CLAUDE_ERROR, "d", std::string(900, 'f')), "")
          .ok());
  EXPECT_FALSE(store->FindTell(a)->has_value());
}

TEST_F(StoreKeptTest, WhatIsSettledIsUnfetchedUntilSomebodyFetchesIt) {
  const auto store = Opened();
  const std::string open = Added(*store), a = Answered(*store), b = Answered(*store);
  EXPECT_FALSE(store->FindTell(a)->value().fetched);
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(a, b));

  EXPECT_TRUE(Fetched(*store, a));
  EXPECT_TRUE(Fetched(*store, a));
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(b));
  EXPECT_TRUE(store->MarkFetched(open).ok());
  ASSERT_TRUE(Settle(*store, open, absl::OkStatus(), "late").ok());
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(open, b));
}

TEST_F(StoreKeptTest, WhatWasFetchedIsSoAfterReopening) {
  std::string a, b;
  {
    const auto store = Opened();
    a = Answered(*store);
    b = Answered(*store);
    EXPECT_TRUE(Fetched(*store, a));
  }
  const auto store = Opened();
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(b));
  EXPECT_EQ(store->FindTell(b)->value().answer, "yes");
}

TEST_F(StoreKeptTest, ListsAreInTheOrderOfAcceptanceAndForOneCallerOrAll) {
  const auto store = Opened();
  const std::string open = Added(*store), web = Answered(*store, "x", "web"),
                    fetched = Answered(*store), last = Answered(*store);
  EXPECT_TRUE(Fetched(*store, fetched));
  EXPECT_THAT(Listed(*store), ElementsAre(open, web, last));
  EXPECT_THAT(Listed(*store, "cli"), ElementsAre(open, last));
  EXPECT_THAT(Listed(*store, "cli", /*all=*/true), ElementsAre(open, fetched, last));
  EXPECT_THAT(Listed(*store, "nobody", /*all=*/true), IsEmpty());
  EXPECT_THAT(Unfetched(*store, "web"), ElementsAre(web));
}

TEST_F(StoreKeptTest, ASummarySaysEverythingButTheTexts) {
  const auto store = Opened();
  const std::string id = Added(*store, "do it");
  EXPECT_EQ(store->FindSummary(id)->value().state, TellState::kQueued);
  now_ += absl::Seconds(3);
  ASSERT_TRUE(Settle(*store, id, MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9"), "half").ok());
  const StoredTellSummary summary = store->FindSummary(id)->value();
  EXPECT_EQ(summary.from, "cli");
  EXPECT_EQ(summary.to, "gpu");
  EXPECT_EQ(summary.state, TellState::kSettled);
  EXPECT_EQ(KindOf(summary.outcome), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(summary.answer_bytes, 4u);
  EXPECT_EQ(summary.preview, "do it");
  EXPECT_EQ(summary.answer_preview, "half");
  EXPECT_EQ(summary.settled_at - summary.accepted_at, absl::Seconds(3));
  EXPECT_FALSE(summary.fetched);
  EXPECT_FALSE(store->FindSummary(NewUuid())->has_value());
}

TEST_F(StoreKeptTest, APreviewIsAtMost120BytesOfWholeCharacters) {
  const auto store = Opened();
  const auto preview = [&](const std::string& text) {
    return store->FindSummary(Added(*store, text))->value().preview;
  };
  const std::string x118(118, 'x');
  EXPECT_EQ(preview(x118 + "yy"), x118 + "yy");
  EXPECT_EQ(preview(x118 + "yyy"), x118 + "yy");
  EXPECT_EQ(preview(x118 + "\xC3\xBC"), x118 + "\xC3\xBC");  // ü ends with byte 120.
  EXPECT_EQ(preview(x118 + "y\xC3\xBC"), x118 + "y");        // ü would end with 121.
  EXPECT_EQ(preview(x118 + "\xE2\x82\xAC"), x118);           // € would.
  EXPECT_EQ(preview(x118 + "\xC3\xBC\xC3\xBC"), x118 + "\xC3\xBC");
}

TEST_F(StoreKeptTest, TheNewestThousandAreListed) {
  ASSERT_TRUE(Opened()->GetOrCreateSession("cli", "gpu").ok());
  {
    const auto database = *Database::Open(path_);  // One wait for the disk.
    ASSERT_TRUE(database
                    ->Run("INSERT INTO tells (n, tell_id, session, state, accepted_at) "
                          "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i "
                          "WHERE n < 1001) SELECT i.n, i.n, sessions.n, 0, i.n FROM i, sessions; "
                          "INSERT INTO texts SELECT n, 0, 0, '', x'', x'' FROM tells")
                    .ok());
  }
  const std::vector<std::string> listed = Listed(*Opened());
  ASSERT_EQ(listed.size(), 1000u);
  EXPECT_EQ(listed.front(), "2");
  EXPECT_EQ(listed.back(), "1001");
}

TEST_F(StoreKeptTest, WhatWasFetchedMakesRoomBeforeWhatWasNot) {
  StoreOptions options = Options();
  options.settled_tells_max = 2;
  const auto store = Opened(options);
  const std::string unfetched = Answered(*store), fetched = Answered(*store);
  EXPECT_TRUE(Fetched(*store, fetched));
  const std::string last = Answered(*store);
  EXPECT_FALSE(store->FindTell(fetched)->has_value());
  EXPECT_EQ(store->FindTell(unfetched)->value().answer, "yes");
  EXPECT_EQ(store->FindTell(last)->value().answer, "yes");
}

TEST_F(StoreKeptTest, AnUnfetchedAnswerThatMakesRoomLeavesItsSummary) {
  StoreOptions options = Options();
  options.settled_tells_max = 1;
  const auto store = Opened(options);
  const std::string answered = Answered(*store);
  const std::string failed = Added(*store);
  ASSERT_TRUE(
      Settle(*store, failed, MakeFailure(v1::FAILURE_CLAUDE_ERROR, "overloaded"), "ha").ok());
  const std::string last = Answered(*store);

  const StoredTell tell = store->FindTell(answered)->value();
  EXPECT_TRUE(tell.dropped);
  EXPECT_EQ(tell.text + tell.answer, "");
  EXPECT_EQ(KindOf(tell.outcome), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(tell.outcome).detail(), HasSubstr("dropped for want of room"));
  EXPECT_THAT(ToProto(tell.outcome).fix(), HasSubstr("Ask the team"));
  EXPECT_EQ(store->FindSummary(answered)->value().preview, "hello");
  EXPECT_EQ(store->FindSummary(answered)->value().answer_preview, "");
  EXPECT_EQ(KindOf(store->FindSummary(failed)->value().outcome), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_THAT(Listed(*store), ElementsAre(answered, failed, last));
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(last));
}

TEST_F(StoreKeptTest, NoMoreSummariesOfWhatWasDroppedAreKeptThanTheirLimit) {
  StoreOptions options = Options();
  options.settled_tells_max = 1;
  options.dropped_tells_max = 2;
  const auto store = Opened(options);
  const std::string a = Answered(*store), b = Answered(*store), c = Answered(*store),
                    d = Answered(*store);
  ASSERT_TRUE(store->KeepHouse().ok());
  EXPECT_THAT(Listed(*store), ElementsAre(b, c, d));
}

TEST_F(StoreKeptTest, AnUnfetchedAnswerIsDroppedWhenItIsTooOldAndItsSummaryLater) {
  const auto store = Opened();
  const std::string old = Answered(*store), fetched = Answered(*store);
  EXPECT_TRUE(Fetched(*store, fetched));
  Pass(absl::Hours(24));
  const std::string younger = Answered(*store), open = Added(*store);
  Pass(absl::Hours(6 * 24 - 1));
  ASSERT_TRUE(store->KeepHouse().ok());
  EXPECT_EQ(store->FindTell(old)->value().answer, "yes");

  Pass(absl::Hours(1));
  ASSERT_TRUE(store->KeepHouse().ok());
  EXPECT_TRUE(store->FindTell(old)->value().dropped);
  EXPECT_THAT(ToProto(store->FindTell(old)->value().outcome).detail(), HasSubstr("too old"));
  EXPECT_EQ(store->FindTell(younger)->value().answer, "yes");
  EXPECT_EQ(store->FindTell(fetched)->value().answer, "yes");
  EXPECT_THAT(Listed(*store), ElementsAre(old, younger, open));

  Pass(absl::Hours(7 * 24));
  ASSERT_TRUE(store->KeepHouse().ok());
  EXPECT_THAT(Listed(*store), ElementsAre(younger, open));
}

TEST_F(StoreKeptTest, AWallClockThatJumpsMakesNothingOlder) {
  const auto store = Opened();
  const std::string id = Answered(*store);
  for (const absl::Duration jump : {absl::Hours(24 * 365), -absl::Hours(24 * 3650)}) {
    now_ += jump;
    ASSERT_TRUE(store->KeepHouse().ok());
    EXPECT_EQ(store->FindTell(id)->value().answer, "yes");
  }
}

TEST_F(StoreKeptTest, AcrossLivesTheWallClockCountsForwardsAndOneDayAtMost) {
  auto store = Opened();
  const std::string id = Answered(*store);
  const auto live_again_after = [&](absl::Duration wall) {
    store.reset();
    now_ += wall;
    up_ = absl::ZeroDuration();  // The machine was started again.
    store = Opened();
    return store->FindTell(id)->value().dropped;
  };
  EXPECT_FALSE(live_again_after(absl::Hours(24 * 365)));   // 1 day.
  EXPECT_FALSE(live_again_after(-absl::Hours(24 * 365)));  // 1 day still.
  for (int day = 2; day <= 6; ++day) EXPECT_FALSE(live_again_after(absl::Hours(24))) << day;
  EXPECT_FALSE(live_again_after(absl::Hours(23)));
  EXPECT_TRUE(live_again_after(absl::Hours(1)));
}

TEST_F(StoreKeptTest, RoomThatNothingUsesGoesBackToTheDisk) {
  StoreOptions options = Options();
  options.settled_tells_max = 1;
  std::unique_ptr<Store> store = Opened(options);
  const std::string big(8 << 20, 'x');
  Answered(*store, big);
  EXPECT_FALSE(*store->GiveBackRoom());
  Answered(*store, "small");  // The big one goes.
  int slices = 0;
  while (*store->GiveBackRoom()) ASSERT_LT(++slices, 100);
  EXPECT_GT(slices, 3);
  store.reset();
  EXPECT_LT(std::filesystem::file_size(path_), 3u << 20);
}

// Such answers stay in the pieces in which they came.
TEST_F(StoreKeptTest, OfALongAnswerThatGoesNothingStays) {
  StoreOptions options = Options();
  options.settled_tells_max = 1;
  const auto store = Opened(options);
  const std::string text(1 << 20, 'x'),
      session = store->GetOrCreateSession("cli", "gpu")->session_id;
  const auto long_one = [&] {
    const std::string id = Added(*store);
    const Checkpoint read{.session_id = session, .tell_id = id, .text = text};
    EXPECT_TRUE(store->Save({read}, {}).ok());
    Settlement settlement{.tell_id = id, .answer = text};
    settlement.stored_bytes = text.size();
    EXPECT_TRUE(store->Save({}, {settlement}).ok());
    EXPECT_EQ(store->FindTell(id)->value().answer.size(), text.size());
    return id;
  };
  const std::string dropped = long_one(), fetched = long_one();
  EXPECT_TRUE(store->FindTell(dropped)->value().dropped);
  EXPECT_EQ(store->FindTell(dropped)->value().answer, "");
  EXPECT_EQ(store->FindSummary(dropped)->value().answer_bytes, 0u);
  EXPECT_TRUE(Fetched(*store, fetched));
  Answered(*store);
  EXPECT_FALSE(store->FindTell(fetched)->has_value());
  int slices = 0;
  while (*store->GiveBackRoom()) ASSERT_LT(++slices, 100);
  EXPECT_GT(slices, 0) << "two megabytes are free";
}

int64_t PageBytes(const std::string& path) { return *(*Database::Open(path))->Pragma("page_size"); }

// As one of an earlier version.
void MakeOldFile(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const auto old = Database::Open(path);
  ASSERT_TRUE((*old)
                  ->Run("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                        "CREATE TABLE rest (bytes BLOB); "
                        "INSERT INTO rest VALUES (zeroblob(8000000)); DROP TABLE rest;"
                        "CREATE TABLE stays (bytes BLOB); "
                        "INSERT INTO stays VALUES (zeroblob(100000))")
                  .ok());
}

TEST_F(StoreKeptTest, ANewFileHasSmallPages) {
  Opened();
  EXPECT_EQ(PageBytes(path_), 1024);
}

TEST_F(StoreKeptTest, AFileThatCouldNotShrinkIsMadeAnewWithSmallPages) {
  MakeOldFile(path_);
  EXPECT_GT(std::filesystem::file_size(path_), 7'000'000u);
  {
    const auto store = Opened();
    EXPECT_LT(std::filesystem::file_size(path_), 1'000'000u);
    Added(*store);
    EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));
  }
  EXPECT_EQ(PageBytes(path_), 1024);
  EXPECT_EQ(Opened()->OpenTells()->size(), 1u);
}

TEST_F(StoreKeptTest, AFileThatHoldsTooMuchStaysUntilItHoldsLess) {
  MakeOldFile(path_);
  StoreOptions options = Options();
  options.made_anew_bytes_max = 50'000;
  const std::string id = Added(*Opened(options));
  EXPECT_EQ(PageBytes(path_), 4096);
  EXPECT_TRUE(Opened(options)->FindTell(id)->has_value());
  EXPECT_TRUE(Opened()->FindTell(id)->has_value());
  EXPECT_EQ(PageBytes(path_), 1024);
}

// It gives room back in the same life.
TEST_F(StoreKeptTest, WhatAFileThatIsMadeAnewHasNoUseForGoesBackToo) {
  MakeOldFile(path_);
  StoreOptions options = Options();
  options.settled_tells_max = 1;
  const auto store = Opened(options);
  Answered(*store, std::string(4 << 20, 'x'));
  Answered(*store, "small");
  EXPECT_TRUE(*store->GiveBackRoom());
}

}  // namespace
}  // namespace iris
