#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/store.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class StoreMarksTest : public ::testing::Test {
 protected:
  StoreMarksTest() { Reopen(); }
  // As after a kill: what was stored, and nothing else.
  void Reopen() {
    store_.reset();
    store_ = *SqliteStore::Open({.path = dir_.File("iris.db"), .now = [this] { return now_; }});
    session_id_ = store_->GetOrCreateSession("cli", "gpu")->session_id;
  }
  std::string OpenTell() {
    const std::string id = NewUuid();
    EXPECT_TRUE(store_->AddTell(id, session_id_, "hello", TellState::kRunning).ok());
    return id;
  }
  void Save(const std::string& tell_id, size_t at, absl::string_view text,
            bool void_before = false) {
    ++mark_.seq;
    EXPECT_TRUE(store_
                    ->Save({{.session_id = session_id_,
                             .mark = mark_,
                             .tell_id = tell_id,
                             .void_before = void_before,
                             .text_at = at,
                             .text = text}},
                           {})
                    .ok());
  }

  ScratchDir dir_;
  absl::Time now_ = absl::FromUnixMillis(1'700'000'000'000);
  std::unique_ptr<Store> store_;
  std::string session_id_;
  ReadMark mark_{.journal_id = NewUuid(),
                 .incarnation = NewUuid(),
                 .seq = 41,
                 .in_flight = NewUuid(),
                 .turn = {.any_text = true,
                          .last_text = ~uint64_t{0},
                          .end = std::make_shared<std::string>("r"),
                          .structured_bytes = 1,
                          .loss = TextLoss::kLines,
                          .skips_line = true,
                          .tools = 3,
                          .spent_micro_usd = 84'210,
                          .account = std::make_shared<std::string>("\x28\x03")},
                 .host = {.key = "id\nme\n/data", .name = "me@gpu1"},
                 .begun = NewUuid()};
};

TEST_F(StoreMarksTest, ASessionThatWasNeverReadHasNoJournal) {
  EXPECT_EQ(*store_->FindMark(session_id_), ReadMark());
}

TEST_F(StoreMarksTest, AMarkAndTheTextUpToItComeBackTogether) {
  const std::string id = OpenTell();
  Save(id, 0, "one ");
  Save("", 0, "");
  Save(id, 4, "two");
  Reopen();
  EXPECT_EQ(*store_->FindMark(session_id_), mark_);
  EXPECT_EQ(mark_.seq, 44u);
  EXPECT_EQ(*store_->FindText(id), "one two");
}

// As where the first time was said to have failed.
TEST_F(StoreMarksTest, APieceThatIsStoredTwiceIsOne) {
  const std::string id = OpenTell();
  Save(id, 0, "one ");
  Save(id, 4, "two");
  Save(id, 4, "two three");
  Save(id, 13, " four");
  EXPECT_EQ(*store_->FindText(id), "one two three four");
}

TEST_F(StoreMarksTest, ALongTextComesBackAlsoWhereItIsStoredAgainWithMore) {
  const std::string id = OpenTell();
  std::string text = "begins ";
  Save(id, 0, text);
  for (size_t i = 0; text.size() < 5'000'000; ++i) text += std::to_string(i) + ' ';
  Save(id, 7, absl::string_view(text).substr(7, 2'500'000));
  Save(id, 7, absl::string_view(text).substr(7));
  EXPECT_TRUE(*store_->FindText(id) == text);  // EXPECT_EQ would print it.
}

TEST_F(StoreMarksTest, WhatIsVoidIsReplaced) {
  const std::string id = OpenTell(), other = OpenTell();
  Save(id, 0, "half ");
  Save(id, 5, "of i");
  Save(other, 0, "other");
  Save(id, 0, "whole", /*void_before=*/true);
  EXPECT_EQ(*store_->FindText(id), "whole");
  EXPECT_EQ(*store_->FindText(other), "other");
}

TEST_F(StoreMarksTest, ASettledTellNeedsNoPieces) {
  const std::string id = OpenTell(), other = OpenTell();
  Save(id, 0, "one");
  Save(other, 0, "two");
  ASSERT_TRUE(store_->Save({}, {{.tell_id = id, .answer = "one and all"}}).ok());
  EXPECT_EQ(*store_->FindText(id), "");
  EXPECT_EQ(store_->FindTell(id)->value().answer, "one and all");
  EXPECT_EQ(*store_->FindText(other), "two");
}

TEST_F(StoreMarksTest, ATellThatIsPutOffIsQueuedAgainWithoutItsTextAndUntilThen) {
  const std::string id = NewUuid();
  ASSERT_TRUE(store_->AddTell(id, session_id_, "hello", TellState::kRunning, true).ok());
  Save(id, 0, "limit reached");
  const absl::Time until = now_ + absl::Hours(3);
  ASSERT_TRUE(store_->Save({}, {}, {{.tell_id = id, .not_before = until, .waits = 2}}).ok());
  Reopen();
  const StoredTell tell = store_->FindTell(id)->value();
  EXPECT_TRUE(tell.wait_for_limit);
  EXPECT_EQ(tell.state, TellState::kQueued);
  EXPECT_EQ(tell.not_before, until);
  EXPECT_EQ(tell.limit_waits, 2);
  EXPECT_EQ(*store_->FindText(id), "");
}

TEST_F(StoreMarksTest, WhereAgentsAreIsKnownUntilTheyAreEnded) {
  const auto names = [this] {
    std::string names;
    const std::vector<Store::Placed> all = *store_->AllPlaced();
    for (const Store::Placed& agent : all) names += agent.name + " by " + agent.way + ", ";
    return names;
  };
  ASSERT_TRUE(store_->NotePlaced({.place = "a", .name = "gpu1", .way = "one"}).ok());
  now_ += absl::Hours(24);
  ASSERT_TRUE(store_->NotePlaced({.place = "b", .name = "gpu2", .way = "two"}).ok());
  Reopen();
  EXPECT_EQ(names(), "gpu2 by two, gpu1 by one, ");
  ASSERT_TRUE(store_->ForgetPlaced("b").ok());
  now_ += absl::Hours(24);
  ASSERT_TRUE(store_->NotePlaced({.place = "a", .name = "gpu1", .way = "another"}).ok());
  EXPECT_EQ(names(), "gpu1 by another, ");
  now_ += absl::Hours(24 * 365);
  ASSERT_TRUE(store_->NotePlaced({.place = "c", .name = "gpu3", .way = "three"}).ok());
  EXPECT_EQ(names(), "gpu3 by three, gpu1 by another, ") << "it runs until somebody ends it";
}

TEST_F(StoreMarksTest, AgentsThatAStopDidNotReachDoNotStandBeforeOthers) {
  const auto names = [this] {
    std::string names;
    const std::vector<Store::Placed> all = *store_->AllPlaced();
    for (const Store::Placed& agent : all) names += agent.name + " ";
    return names;
  };
  const auto note = [this](const std::string& name) {
    now_ += absl::Seconds(1);
    ASSERT_TRUE(store_->NotePlaced({.place = name, .name = name, .way = "a way"}).ok());
  };
  for (const char* name : {"a", "b", "c", "d"}) note(name);
  EXPECT_EQ(names(), "d c b a ");
  ASSERT_TRUE(store_->NoteTriedPlaces({"d", "c", "not there"}).ok());
  Reopen();
  EXPECT_EQ(names(), "b a d c ");
  now_ += absl::Seconds(1);
  ASSERT_TRUE(store_->NoteTriedPlaces({"b", "d"}).ok());
  EXPECT_EQ(names(), "a c d b ");
  note("d");  // It answers again.
  EXPECT_EQ(names(), "d a c b ");
}

TEST_F(StoreMarksTest, WhoWaitsForAHostIsKnown) {
  const std::string id = NewUuid(), other = NewUuid();
  ASSERT_TRUE(
      store_->AddTell(id, session_id_, "hello", TellState::kRunning, false, true, "WAY").ok());
  ASSERT_TRUE(store_->AddTell(other, session_id_, "hello", TellState::kQueued, true, false).ok());
  Reopen();
  EXPECT_TRUE(store_->FindTell(id)->value().wait_for_host);
  EXPECT_EQ(store_->FindTell(id)->value().way, "WAY");
  EXPECT_FALSE(store_->FindTell(id)->value().wait_for_limit);
  EXPECT_FALSE(store_->FindTell(other)->value().wait_for_host);
}

TEST_F(StoreMarksTest, AHostThatAnsweredIsKnownByItsWayAndForAWeek) {
  EXPECT_FALSE(*store_->HasAnswered("gpu", "ssh gpu1"));
  ASSERT_TRUE(store_->NoteAnswer("gpu", "ssh gpu1").ok());
  ASSERT_TRUE(store_->NoteAnswer("gpu", "ssh gpu1").ok());
  Reopen();
  EXPECT_TRUE(*store_->HasAnswered("gpu", "ssh gpu1"));
  EXPECT_FALSE(*store_->HasAnswered("gpu", "ssh gpu2"));
  EXPECT_FALSE(*store_->HasAnswered("web", "ssh gpu1"));
  now_ += Store::kAnswerCounts;
  EXPECT_TRUE(*store_->HasAnswered("gpu", "ssh gpu1"));
  now_ += absl::Milliseconds(1);
  EXPECT_FALSE(*store_->HasAnswered("gpu", "ssh gpu1"));
}

}  // namespace
}  // namespace iris
