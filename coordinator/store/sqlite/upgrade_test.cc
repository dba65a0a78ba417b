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

// A file as version 17 left it: tells of every kind, and whatever else it had.
constexpr char kRowsOf17[] = R"sql(
UPDATE coordinator SET age_ms = 3600000, age_saved_at = 1700000000000;
INSERT INTO sessions VALUES
  ('00000000-0000-4000-8000-00000000000c', 'web', 'gpu', 1600000000001, NULL, 0, 'active');
UPDATE tells SET preview = CAST(text AS TEXT), way = 'WAY', wait_for_host = 1
  WHERE tell_id = '00000000-0000-4000-8000-000000000001';
UPDATE tells SET preview = 'hi', answer_preview = 'yes', structured_bytes = 2, account = x'2803',
  answer = x'796573e282', settled_bytes = 7, settled_seq = 2
  WHERE tell_id = '00000000-0000-4000-8000-000000000002';
INSERT INTO tells (tell_id, session_id, text, state, kind, detail, fix, answer, accepted_at,
    settled_at, settled_seq, settled_bytes, dropped, preview) VALUES
  ('dropped', '00000000-0000-4000-8000-00000000000b', x'', 'settled', 9, 'why', 'so', x'',
   1600000000000, 1600000001000, 1, 0, 1, 'what it was');
INSERT INTO tells (tell_id, session_id, text, state, accepted_at, preview, wait_for_limit) VALUES
  ('put off', '00000000-0000-4000-8000-00000000000c', CAST('long ' || hex(zeroblob(100)) AS BLOB),
   'queued', 1600000000002, 'long ' || substr(hex(zeroblob(100)), 1, 115), 1);
INSERT INTO unfetched VALUES ('00000000-0000-4000-8000-000000000002', 3500000),
  ('dropped', 3399999);
INSERT INTO put_off VALUES ('put off', 1700000005000, 2);
INSERT INTO cancels VALUES ('00000000-0000-4000-8000-000000000001', 'on-host', 'a host');
INSERT INTO pieces VALUES ('00000000-0000-4000-8000-000000000001', 0, CAST('one ' AS BLOB)),
  ('00000000-0000-4000-8000-000000000001', 4, CAST('two' AS BLOB));
INSERT INTO marks (session_id, journal_id, incarnation, seq, in_flight, any_text, broken,
    skips_line, last_text, structured_bytes, host, host_name, begun, account, tools,
    spent_micro_usd) VALUES
  ('00000000-0000-4000-8000-00000000000b', 'journal', 'life', 7, 'a tell', 1, 'line', 1, -1, 3,
   'a host', 'me@gpu1', 'begun', x'2803', 4, 84210);
INSERT INTO mark_ends VALUES ('00000000-0000-4000-8000-00000000000b', CAST('end' AS BLOB));
INSERT INTO answered VALUES ('gpu', 'a way', 1699999999999);
INSERT INTO placed VALUES ('a place', 'me@gpu1:22', x'ff', 1600000000000, 5);
PRAGMA user_version = 17;
)sql";

class StoreUpgradeFrom17Test : public StoreUpgradeTest {
 protected:
  StoreUpgradeFrom17Test() {
    std::string version_17 = kVersion1;
    for (int step = 1; step < 17; ++step) version_17 += kSchemaSteps[step];
    version_17 += kRowsOf17;
    WriteFile(version_17.c_str());
  }
};

TEST_F(StoreUpgradeFrom17Test, TellsStayWhatTheyWereInTheirOrder) {
  const auto store = Opened();
  EXPECT_EQ(store->coordinator_id(), "00000000-0000-4000-8000-00000000000a");
  EXPECT_THAT(*store->OpenTells(), ElementsAre(kOpenId, "put off"));
  const StoredTell open = store->FindTell(kOpenId)->value();
  EXPECT_EQ(open.session_id, kSessionId);
  EXPECT_EQ(open.state, TellState::kRunning);
  EXPECT_EQ(open.text, "\xC3\xBC\xC3\xBC");
  EXPECT_EQ(open.way, "WAY");
  EXPECT_TRUE(open.wait_for_host);
  EXPECT_FALSE(open.wait_for_limit);
  EXPECT_EQ(*store->FindText(kOpenId), "one two");
  const StoredTell put_off = store->FindTell("put off")->value();
  EXPECT_EQ(put_off.from, "web");
  EXPECT_EQ(put_off.text, "long " + std::string(200, '0'));
  EXPECT_EQ(put_off.state, TellState::kQueued);
  EXPECT_EQ(put_off.accepted_at, absl::FromUnixMillis(1'600'000'000'002));
  EXPECT_TRUE(put_off.wait_for_limit);
  EXPECT_EQ(put_off.limit_waits, 2);
  EXPECT_EQ(put_off.not_before, absl::FromUnixMillis(1'700'000'005'000));
  EXPECT_EQ(store->FindSummary("put off")->value().preview, "long " + std::string(115, '0'));
}

TEST_F(StoreUpgradeFrom17Test, WhatWasSettledStaysWhatItWas) {
  const auto store = Opened();
  const StoredTell answered = store->FindTell(kAnsweredId)->value();
  EXPECT_TRUE(answered.outcome.ok());
  EXPECT_EQ(answered.text, "hi");
  EXPECT_EQ(answered.answer, "yes\xE2\x82");
  EXPECT_EQ(answered.structured_bytes, 2u);
  EXPECT_EQ(answered.account.SerializeAsString(), "\x28\x03");
  EXPECT_EQ(answered.settled_at, absl::FromUnixMillis(1'600'000'001'000));
  EXPECT_FALSE(answered.fetched);
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(kAnsweredId));
  const StoredTellSummary summary = store->FindSummary(kAnsweredId)->value();
  EXPECT_EQ(summary.answer_preview, "yes");
  EXPECT_EQ(summary.answer_bytes, 5u);
  const StoredTell dropped = store->FindTell("dropped")->value();
  EXPECT_TRUE(dropped.dropped);
  EXPECT_EQ(dropped.text, "");
  EXPECT_EQ(ToProto(dropped.outcome).detail(), "why");
  EXPECT_EQ(store->FindSummary("dropped")->value().preview, "what it was");
}

TEST_F(StoreUpgradeFrom17Test, WhatWasSettledGrowsOlderAndCountsForTheLimits) {
  StoreOptions options = Options();
  options.unfetched_age_max = absl::Milliseconds(100'001);
  const auto store = Opened(options);
  EXPECT_FALSE(store->FindTell(kAnsweredId)->value().dropped);
  up_ += absl::Milliseconds(1);
  ASSERT_TRUE(store->KeepHouse().ok());
  EXPECT_TRUE(store->FindTell(kAnsweredId)->value().dropped);
  EXPECT_FALSE(store->FindTell("dropped")->has_value());
}

TEST_F(StoreUpgradeFrom17Test, SessionsMarksAndHostsStayWhatTheyWere) {
  const auto store = Opened();
  EXPECT_EQ(store->GetOrCreateSession("cli", "gpu")->session_id, kSessionId);
  const std::vector<StoredSession> sessions = *store->Sessions();
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[1].session_id, kSessionId);
  EXPECT_EQ(sessions[1].message_count, 1u);
  EXPECT_EQ(sessions[1].last_used_at, absl::FromUnixMillis(1'600'000'000'000));
  EXPECT_EQ(sessions[0].from, "web");
  EXPECT_EQ(*store->FindMark(kSessionId),
            (ReadMark{.journal_id = "journal",
                      .incarnation = "life",
                      .seq = 7,
                      .in_flight = "a tell",
                      .turn = {.any_text = true,
                               .last_text = ~uint64_t{0},
                               .end = std::make_shared<const std::string>("end"),
                               .structured_bytes = 3,
                               .loss = TextLoss::kLine,
                               .skips_line = true,
                               .tools = 4,
                               .spent_micro_usd = 84'210,
                               .account = std::make_shared<const std::string>("\x28\x03")},
                      .host = {.key = "a host", .name = "me@gpu1"},
                      .begun = "begun"}));
  EXPECT_EQ(*store->FindMark(sessions[0].session_id), ReadMark());
  EXPECT_TRUE(*store->HasAnswered("gpu", "a way"));
  const std::vector<Store::Placed> placed = *store->AllPlaced();
  ASSERT_EQ(placed.size(), 1u);
  EXPECT_EQ(placed[0].way, "\xFF");
  const std::vector<Store::PendingCancel> cancels = *store->Cancels();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].tell_id, kOpenId);
  EXPECT_EQ(cancels[0].host, "a host");
}

TEST_F(StoreUpgradeFrom17Test, WhatItHasIsInTheNextLifeToo) {
  { EXPECT_TRUE(Settle(*Opened(), kOpenId, absl::OkStatus(), "late").ok()); }
  const auto store = Opened();
  EXPECT_THAT(Unfetched(*store, "cli"), ElementsAre(kOpenId, kAnsweredId));
  EXPECT_THAT(*store->OpenTells(), ElementsAre("put off"));
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
