#include "coordinator/desk/board.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kFirst = 100;

v1::TeamInfo Team(const std::string& name) {
  v1::TeamInfo team;
  team.set_name(name);
  return team;
}

v1::TellSummary Tell(const std::string& id, uint64_t answer_bytes) {
  v1::TellSummary tell;
  tell.set_tell_id(id);
  tell.set_answer_bytes(answer_bytes);
  return tell;
}

v1::LinkStatus Link(const std::string& id, const std::string& key) {
  v1::LinkStatus link;
  link.set_id(id);
  link.set_key(key);
  return link;
}

// "101 team web", "102 tell t1: 4 bytes", "103 tell t1 is gone".
std::string Words(const Change& change) {
  const std::string seq = std::to_string(change.seq) + " ";
  if (const auto* team = std::get_if<v1::TeamInfo>(&change.what)) {
    return seq + "team " + team->name();
  }
  if (const auto* link = std::get_if<v1::LinkStatus>(&change.what)) {
    return seq + "link " + link->id() + ": " + link->key();
  }
  if (const auto* session = std::get_if<v1::SessionStatus>(&change.what)) {
    return seq + "session " + session->session_id();
  }
  if (const auto* tell = std::get_if<v1::TellSummary>(&change.what)) {
    return seq + "tell " + tell->tell_id() + ": " + std::to_string(tell->answer_bytes()) + " bytes";
  }
  if (const auto* gone = std::get_if<ItemGone>(&change.what)) {
    return seq + (gone->item == BoardItem::kTell ? "tell " : "another ") + gone->key + " is gone";
  }
  return seq + "configuration: " + std::string(std::get<ConfigProblem>(change.what).why.message());
}

std::vector<std::string> ChangesAfter(const Board& board, uint64_t seq) {
  std::vector<std::string> words;
  const Board::News news = board.NewsAfter(seq);
  EXPECT_TRUE(std::holds_alternative<std::vector<Change>>(news)) << "a snapshot";
  if (!std::holds_alternative<std::vector<Change>>(news)) return words;
  for (const Change& change : std::get<std::vector<Change>>(news)) words.push_back(Words(change));
  return words;
}

bool IsSnapshot(const Board& board, uint64_t seq) {
  return std::holds_alternative<Snapshot>(board.NewsAfter(seq));
}

TEST(BoardTest, WhoeverKnowsNothingGetsAllOfItAndFromThenOnWhatChanges) {
  Board board(kFirst);
  EXPECT_TRUE(board.Show({.teams = {Team("web")}, .tells = {Tell("t1", 0)}}));
  const Snapshot all = std::get<Snapshot>(board.NewsAfter(0));
  EXPECT_EQ(all.seq, kFirst + 2);
  EXPECT_THAT(all.state.teams, SizeIs(1));
  EXPECT_THAT(ChangesAfter(board, all.seq), IsEmpty());

  EXPECT_TRUE(board.Show({.teams = {Team("web")}, .tells = {Tell("t1", 4)}}));
  EXPECT_TRUE(board.Show({.teams = {Team("app"), Team("web")}, .tells = {}}));
  EXPECT_THAT(ChangesAfter(board, all.seq),
              ElementsAre("103 tell t1: 4 bytes", "104 team app", "105 tell t1 is gone"));
  EXPECT_THAT(ChangesAfter(board, all.seq + 2), ElementsAre("105 tell t1 is gone"));
  EXPECT_EQ(std::get<Snapshot>(board.NewsAfter(0)).seq, board.last());
}

TEST(BoardTest, WhatStaysIsNoChange) {
  Board board(kFirst);
  board.Show({.teams = {Team("web")}, .links = {Link("l1", "local")}});
  EXPECT_FALSE(board.Show({.teams = {Team("web")}, .links = {Link("l1", "local")}}));
  EXPECT_EQ(board.last(), kFirst + 2);
}

TEST(BoardTest, WhatPassesWithTheTimeAloneIsNoChange) {
  Board board(kFirst);
  v1::LinkStatus link = Link("l1", "gpu1");
  link.mutable_failure()->set_detail("lost");
  v1::TellSummary tell = Tell("t1", 0);
  tell.mutable_progress()->set_text("working");
  board.Show({.links = {link}, .tells = {tell}});
  link.set_failure_age_ms(1000);
  link.set_retry_in_ms(500);
  link.set_away_ms(1000);
  tell.mutable_progress()->set_working_ms(1000);
  EXPECT_FALSE(board.Show({.links = {link}, .tells = {tell}}));
  EXPECT_EQ(std::get<Snapshot>(board.NewsAfter(0)).state.links[0].away_ms(), 1000)
      << "whoever begins to look sees it as it is";
  link.mutable_failure()->set_detail("refused");
  EXPECT_TRUE(board.Show({.links = {link}, .tells = {tell}}));
}

TEST(BoardTest, ABrokenConfigurationIsAChangeAndItsMendingToo) {
  Board board(kFirst);
  board.Show({});
  EXPECT_TRUE(board.Show({.config_problem = MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: x")}));
  EXPECT_FALSE(board.Show({.config_problem = MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: x")}));
  EXPECT_TRUE(board.Show({}));
  const auto changes = std::get<std::vector<Change>>(board.NewsAfter(kFirst));
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_FALSE(std::get<ConfigProblem>(changes[0].what).why.ok());
  EXPECT_TRUE(std::get<ConfigProblem>(changes[1].what).why.ok());
}

TEST(BoardTest, WhoeverHasFallenBehindGetsAllOfItAnew) {
  Board board(kFirst, {.changes_max = 3, .bytes_max = 1000});
  for (uint64_t bytes = 1; bytes <= 5; ++bytes) board.Show({.tells = {Tell("t1", bytes)}});
  EXPECT_THAT(ChangesAfter(board, kFirst + 2),
              ElementsAre("103 tell t1: 3 bytes", "104 tell t1: 4 bytes", "105 tell t1: 5 bytes"));
  EXPECT_TRUE(IsSnapshot(board, kFirst + 1));
}

TEST(BoardTest, SoDoesWhoeverHasFallenBehindByBytes) {
  Board board(kFirst, {.changes_max = 1000, .bytes_max = 250});
  for (const char* path : {"/1", "/2", "/3"}) {
    v1::TeamInfo team = Team("web");
    team.set_path(path + std::string(100, 'x'));
    board.Show({.teams = {team}});
  }
  EXPECT_THAT(ChangesAfter(board, kFirst + 1), SizeIs(2));
  EXPECT_TRUE(IsSnapshot(board, kFirst));
  v1::TeamInfo large = Team("web");
  large.set_path(std::string(300, 'x'));
  board.Show({.teams = {large}});
  EXPECT_TRUE(IsSnapshot(board, board.last() - 1)) << "not even one of them is kept";
  EXPECT_THAT(ChangesAfter(board, board.last()), IsEmpty());
}

TEST(BoardTest, WhatAnotherBoardSaidIsNotGoneOnFrom) {
  Board board(kFirst);
  board.Show({.teams = {Team("web")}});
  EXPECT_TRUE(IsSnapshot(board, board.last() + 1)) << "of one that began later";
  EXPECT_TRUE(IsSnapshot(board, kFirst - 1)) << "of one that began earlier";
}

}  // namespace
}  // namespace iris
