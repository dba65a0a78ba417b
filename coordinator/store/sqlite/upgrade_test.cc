#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/store/sqlite/database.h"
#include "coordinator/store/sqlite/schema.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSessionId[] = "00000000-0000-4000-8000-00000000000b";
constexpr char kOpenId[] = "00000000-0000-4000-8000-000000000001";
constexpr char kAnsweredId[] = "00000000-0000-4000-8000-000000000002";

// A file as version 1 left it, with a session, an open tell and an answered one.
constexpr char kVersion1[] = R"sql(
CREATE TABLE coordinator (id TEXT NOT NULL) STRICT;
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY, from_team TEXT NOT NULL, to_team TEXT NOT NULL,
  created_at INTEGER NOT NULL, last_used_at INTEGER, message_count INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active', UNIQUE (from_team, to_team)) STRICT;
CREATE TABLE tells (
  tell_id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (session_id),
  text BLOB NOT NULL, state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'settled')),
  kind INTEGER, detail TEXT, fix TEXT, answer BLOB, accepted_at INTEGER NOT NULL,
  settled_at INTEGER, settled_seq INTEGER UNIQUE, settled_bytes INTEGER) STRICT;
CREATE INDEX tells_kept ON tells (settled_seq DESC, settled_bytes) WHERE settled_seq IS NOT NULL;
CREATE INDEX tells_open ON tells (state) WHERE state != 'settled';
PRAGMA user_version = 1;
INSERT INTO coordinator VALUES ('00000000-0000-4000-8000-00000000000a');
INSERT INTO sessions VALUES
  ('00000000-0000-4000-8000-00000000000b', 'cli', 'gpu', 1600000000000, 1600000000000, 1, 'active');
INSERT INTO tells VALUES
  ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-00000000000b',
   x'c3bcc3bc', 'running', NULL, NULL, NULL, NULL, 1600000000000, NULL, NULL, NULL),
  ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-00000000000b',
   x'6869', 'settled', 0, '', '', x'796573', 1600000000000, 1600000001000, 1, 5);
)sql";

class StoreUpgradeTest : public StoreTest {
 protected:
  void WriteFile(const char* sql) {
    std::filesystem::create_directories(path_.substr(0, path_.rfind('/')));
    std::filesystem::permissions(path_.substr(0, path_.rfind('/')), std::filesystem::perms(0700));
    const auto database = *Database::Open(path_);
    ASSERT_TRUE(database->Run(sql).ok());
  }
};

TEST_F(StoreUpgradeTest, AFileOfVersion1IsTakenOver) {
  WriteFile(kVersion1);
  {
    const auto store = Opened();
    EXPECT_EQ(store->coordinator_id(), "00000000-0000-4000-8000-00000000000a");
    EXPECT_THAT(*store->OpenTells(), ElementsAre(kOpenId));
    EXPECT_EQ(store->FindSummary(kOpenId)->value().preview, "\xC3\xBC\xC3\xBC");
    const StoredTell answered = store->FindTell(kAnsweredId)->value();
    EXPECT_EQ(answered.answer, "yes");
    EXPECT_TRUE(answered.fetched);  // Nobody had asked then.
    EXPECT_TRUE(Settle(*store, kOpenId, absl::OkStatus(), "late").ok());
  }
  const auto store = Opened();
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(kOpenId));
}

TEST_F(StoreUpgradeTest, WhatEarlierVersionsDidNotKeepIsNotKnown) {
  const std::string version_2 =
      absl::StrCat(kVersion1, kSchemaSteps[1],
                   "PRAGMA user_version = 2;"
                   "INSERT INTO marks VALUES ('00000000-0000-4000-8000-00000000000b', 'journal', "
                   "'life', 7, '00000000-0000-4000-8000-000000000001', 1, x'656e64', '', 0)");
  WriteFile(version_2.c_str());
  const auto store = Opened();
  for (const char* id : {kOpenId, kAnsweredId}) {
    const StoredTell tell = store->FindTell(id)->value();
    EXPECT_FALSE(tell.wait_for_host) << id;
    EXPECT_EQ(tell.way, "") << id;
    EXPECT_FALSE(tell.wait_for_limit) << id;
    EXPECT_EQ(tell.limit_waits, 0) << id;
    EXPECT_EQ(tell.not_before, absl::InfinitePast()) << id;
    EXPECT_EQ(tell.structured_bytes, 0u) << id;
    EXPECT_EQ(tell.account.ByteSizeLong(), 0u) << id;
    EXPECT_EQ(store->FindSummary(id)->value().account.ByteSizeLong(), 0u) << id;
  }
  EXPECT_EQ(*store->FindMark(kSessionId),
            (ReadMark{.journal_id = "journal",
                      .incarnation = "life",
                      .seq = 7,
                      .in_flight = kOpenId,
                      .turn = {.any_text = true,
                               .end = std::make_shared<const std::string>("end"),
                               .spent_micro_usd = -1}}));
  EXPECT_FALSE(*store->HasAnswered("gpu", "ssh gpu"));
  EXPECT_TRUE(store->AllPlaced()->empty());
  EXPECT_TRUE(store->Cancels()->empty());
}

TEST_F(StoreUpgradeTest, WhatAnEarlierVersionSettledCountsForTheLimits) {
  WriteFile(kVersion1);
  StoreOptions options = Options();
  options.settled_tells_max = 1;
  const auto store = Opened(options);
  EXPECT_TRUE(Settle(*store, kOpenId, absl::OkStatus(), "late").ok());
  EXPECT_FALSE(store->FindTell(kAnsweredId)->has_value());
}

TEST_F(StoreUpgradeTest, LongTextsOfVersion1GetPreviewsOfWholeCharacters) {
  WriteFile(kVersion1);
  {
    const auto database = *Database::Open(path_);
    // 200 times the euro sign.
    ASSERT_TRUE(
        database
            ->Run("UPDATE tells SET text = CAST(replace(hex(zeroblob(100)), '0', '\xE2\x82\xAC') "
                  "AS BLOB)")
            .ok());
  }
  const std::string preview = Opened()->FindSummary(kOpenId)->value().preview;
  EXPECT_EQ(preview.size(), 90u);
  EXPECT_THAT(preview, HasSubstr("\xE2\x82\xAC"));
}

TEST_F(StoreUpgradeTest, PiecesOfVersion5GetTheirPlaces) {
  std::string version_5 = kVersion1;
  for (int step = 1; step < 5; ++step) version_5 += kSchemaSteps[step];
  version_5 +=
      "PRAGMA user_version = 5;"
      "INSERT INTO tells SELECT '00000000-0000-4000-8000-000000000003', session_id, text, state, "
      "kind, detail, fix, answer, accepted_at, settled_at, settled_seq, settled_bytes, dropped, "
      "preview, answer_preview FROM tells WHERE state = 'running';"
      "INSERT INTO pieces VALUES ('00000000-0000-4000-8000-000000000001', 'one '),"
      "  ('00000000-0000-4000-8000-000000000003', 'other'),"
      "  ('00000000-0000-4000-8000-000000000001', 'two')";
  WriteFile(absl::StrReplaceAll(
                version_5,
                {{"'one '", "x'6f6e6520'"}, {"'other'", "x'6f74686572'"}, {"'two'", "x'74776f'"}})
                .c_str());
  const auto store = Opened();
  EXPECT_EQ(*store->FindText(kOpenId), "one two");
  EXPECT_EQ(*store->FindText("00000000-0000-4000-8000-000000000003"), "other");
  const Checkpoint next = {.session_id = kSessionId,
                           .mark = {.journal_id = "journal", .seq = 1},
                           .tell_id = kOpenId,
                           .text_at = 7,
                           .text = " three"};
  ASSERT_TRUE(store->Save({next}, {}).ok());
  EXPECT_EQ(*store->FindText(kOpenId), "one two three");
  EXPECT_TRUE(Settle(*store, kOpenId, absl::OkStatus(), "late").ok());
  EXPECT_EQ(*store->FindText(kOpenId), "");
}

TEST_F(StoreUpgradeTest, WaysOfVersion14AreForgottenAndTheAgentsAreNot) {
  std::string version_14 = kVersion1;
  for (int step = 1; step < 14; ++step) version_14 += kSchemaSteps[step];
  version_14 +=
      "PRAGMA user_version = 14;"
      "INSERT INTO placed VALUES ('a place', 'me@gpu1:22', CAST('ssh canary@gpu1' AS BLOB), 1);"
      "INSERT INTO answered VALUES ('gpu', 'ssh canary@gpu1', 1699999999999)";
  WriteFile(version_14.c_str());
  const auto store = Opened();
  const std::vector<Store::Placed> placed = *store->AllPlaced();
  ASSERT_EQ(placed.size(), 1u);
  EXPECT_EQ(placed[0].place, "a place");
  EXPECT_EQ(placed[0].name, "me@gpu1:22");
  EXPECT_EQ(placed[0].way, "");
  EXPECT_FALSE(*store->HasAnswered("gpu", "ssh canary@gpu1"));
}

TEST_F(StoreUpgradeTest, OfCancelsOfVersion15TheHostIsNotKnown) {
  std::string version_15 = kVersion1;
  for (int step = 1; step < 15; ++step) version_15 += kSchemaSteps[step];
  absl::StrAppend(&version_15, "PRAGMA user_version = 15; INSERT INTO cancels VALUES ('", kOpenId,
                  "', 'on-host')");
  WriteFile(version_15.c_str());
  const std::vector<Store::PendingCancel> cancels = *Opened()->Cancels();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].id_on_host, "on-host");
  EXPECT_EQ(cancels[0].host, "");
}

TEST_F(StoreUpgradeTest, ANewerSchemaIsRefused) {
  { Opened(); }
  {
    const auto database = *Database::Open(path_);
    ASSERT_TRUE(database->Run("PRAGMA user_version = 99").ok());
  }
  const Failure failure = ToProto(SqliteStore::Open(Options()).status());
  EXPECT_EQ(failure.kind(), v1::FAILURE_VERSION);
  EXPECT_THAT(failure.detail(), HasSubstr("99"));
}

}  // namespace
}  // namespace iris
