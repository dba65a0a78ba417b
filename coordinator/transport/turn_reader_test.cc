#include "coordinator/transport/turn_reader.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/transport/turn_journal.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using Kind = SessionNews::Kind;

// What the news come to for whoever follows the tells, stored at every mark.
struct Heard {
  std::map<std::string, std::string> texts;
  std::map<std::string, absl::Status> outcomes;
  std::map<std::string, v1::TurnAccount> accounts;

  void Take(const std::vector<SessionNews>& news) {
    for (const SessionNews& item : news) {
      if (item.kind == Kind::kText) texts[item.tell_id] += item.text;
      if (item.kind == Kind::kVoid) texts[item.tell_id].clear();
      if (item.kind != Kind::kSettled) continue;
      outcomes[item.tell_id] = item.outcome;
      accounts[item.tell_id].Clear();
      if (item.account != nullptr) {
        EXPECT_TRUE(accounts[item.tell_id].ParseFromString(*item.account));
      }
    }
  }
};

Heard ReadFrom(const ReadPoint& from, const TurnJournal& journal, size_t until, Heard heard,
               absl::optional<ReadPoint>* last_point = nullptr, Heard* at_point = nullptr) {
  TurnReader reader(from);
  v1::Attached attached;
  *attached.mutable_position() = journal.start();
  std::vector<SessionNews> news;
  const size_t begin = reader.position().seq();
  reader.Apply(attached, news);
  for (size_t i = begin; i < until; ++i) {
    news.clear();
    reader.Apply(journal.events[i], news);
    heard.Take(news);
    if (last_point != nullptr) {
      *last_point = reader.point();
      *at_point = heard;
    }
  }
  return heard;
}

TurnJournal TwoTurns() {
  TurnJournal journal("life 1");
  journal.Started().Written("a").Says("one").Says("two");
  journal.Line(R"({"type":"result","result":"two","total_cost_usd":0.5})").Settled("a");
  journal.Written("b");
  journal.Line(R"({"type":"result","result":"no text","total_cost_usd":0.75})").Settled("b");
  return journal;
}

void ExpectTwoTurns(const Heard& heard, size_t cut) {
  EXPECT_EQ(heard.texts.at("a"), "one\n\ntwo") << "cut at " << cut;
  EXPECT_EQ(heard.texts.at("b"), "no text") << "cut at " << cut;
  EXPECT_EQ(heard.outcomes.size(), 2u) << "cut at " << cut;
  EXPECT_EQ(heard.accounts.at("a").cost_micro_usd(), 500'000) << "cut at " << cut;
  EXPECT_EQ(heard.accounts.at("b").cost_micro_usd(), 250'000) << "cut at " << cut;
}

TEST(TurnReaderTest, CutAnywhereItGoesOnFromItsLastMarkAndSaysTheSame) {
  const TurnJournal journal = TwoTurns();
  for (size_t cut = 0; cut <= journal.events.size(); ++cut) {
    absl::optional<ReadPoint> point;
    Heard stored;
    ReadFrom({}, journal, cut, {}, &point, &stored);
    const ReadMark mark = point.value_or(ReadPoint()).mark;
    ExpectTwoTurns(ReadFrom({.mark = mark}, journal, journal.events.size(), stored), cut);
  }
}

TEST(TurnReaderTest, CutAnywhereItGoesOnInTheMiddleOfTheLine) {
  const TurnJournal journal = TwoTurns();
  for (size_t cut = 1; cut <= journal.events.size(); ++cut) {
    absl::optional<ReadPoint> point;
    Heard heard;
    ReadFrom({}, journal, cut, {}, &point, &heard);
    EXPECT_EQ(TurnReader(*point).position().seq(), cut) << "nothing is read again";
    ExpectTwoTurns(ReadFrom(*point, journal, journal.events.size(), heard), cut);
  }
}

TEST(TurnReaderTest, CutAfterEveryEventItSaysTheSame) {
  const TurnJournal journal = TwoTurns();
  ReadPoint at;
  Heard heard;
  for (size_t until = 1; until <= journal.events.size(); ++until) {
    absl::optional<ReadPoint> point;
    heard = ReadFrom(at, journal, until, heard, &point, &heard);
    at = *point;
  }
  ExpectTwoTurns(heard, journal.events.size());
}

// News that nobody took: the line that they ended is read again from its start.
TEST(TurnReaderTest, AnotherReaderThatWentOnToTheEndOfTheLineIsNoMatter) {
  const TurnJournal journal = TwoTurns();
  for (size_t cut = 1; cut <= journal.events.size(); ++cut) {
    for (size_t beyond = cut; beyond <= journal.events.size(); ++beyond) {
      TurnReader first(ReadPoint{});
      v1::Attached attached;
      *attached.mutable_position() = journal.start();
      std::vector<SessionNews> news;
      first.Apply(attached, news);
      for (size_t i = 0; i < cut; ++i) first.Apply(journal.events[i], news);
      Heard heard;
      heard.Take(news);
      const ReadPoint point = first.point();
      for (size_t i = cut; i < beyond; ++i) first.Apply(journal.events[i], news);
      ExpectTwoTurns(ReadFrom(point, journal, journal.events.size(), heard), cut);
    }
  }
}

TEST(TurnReaderTest, WhatATurnDoesIsNewsOnceAndOnlyWhileSomebodysTurnIsRead) {
  TurnJournal journal("life 1");
  journal.Says("nobody's").Written("a").Says("one").Line(R"({"type":"system"})").Says("two");
  std::vector<SessionNews> news;
  TurnReader reader(ReadPoint{});
  for (const v1::Event& event : journal.events) reader.Apply(event, news);
  std::vector<std::string> words;
  for (const SessionNews& item : news) {
    if (item.kind != Kind::kDoing) continue;
    EXPECT_EQ(item.tell_id, "a");
    words.push_back(item.doing.words);
  }
  EXPECT_EQ(words, (std::vector<std::string>{"one", "two"}));
}

TEST(TurnReaderTest, WhatEndsALineForEverDropsItsHalf) {
  const auto drops = [](auto end) {
    TurnJournal journal("life 1");
    journal.Written("a").Piece("{\"type\":\"assis");
    absl::optional<ReadPoint> point;
    Heard heard;
    ReadFrom({}, journal, journal.events.size(), {}, &point, &heard);
    TurnReader reader(*point);
    std::vector<SessionNews> news;
    end(reader, news);
    EXPECT_EQ(reader.point().line, nullptr);
  };
  drops(
      [](TurnReader& reader, std::vector<SessionNews>& news) { reader.Apply(v1::Reset(), news); });
  drops([](TurnReader& reader, std::vector<SessionNews>& news) {
    reader.Apply(TurnJournal("").Gap("a").events[0], news);
  });
  drops([](TurnReader& reader, std::vector<SessionNews>& news) {
    reader.Apply(TurnJournal("").NextAgent("life 2").events[0], news);
  });
}

TEST(TurnReaderTest, InTheMiddleOfALineTheMarkIsWhereTheLineBegan) {
  TurnReader reader(ReadPoint{.mark = {.journal_id = "journal"}});
  TurnJournal journal("life 1");
  journal.Written("a").Line(R"({"type":"x"})", 100).Piece("{\"type\"").Piece(":\"assis");
  std::vector<SessionNews> news;
  reader.Apply(journal.events[0], news);
  EXPECT_EQ(reader.point().mark.in_flight, "a");
  reader.Apply(journal.events[1], news);
  const ReadMark behind_one = reader.point().mark;
  EXPECT_EQ(behind_one.seq, 2u);
  reader.Apply(journal.events[2], news);
  reader.Apply(journal.events[3], news);
  EXPECT_EQ(reader.point().mark, behind_one);  // Or what came before it would be told twice.
  EXPECT_EQ(reader.point().seq, 4u);
}

TEST(TurnReaderTest, ASessionThatWasNeverOpenedCannotRunTells) {
  for (const bool never_opened : {false, true}) {
    TurnReader reader(ReadPoint{.mark = {.journal_id = "journal"}});
    v1::Attached attached;
    attached.set_never_opened(never_opened);
    std::vector<SessionNews> news;
    reader.Apply(attached, news);
    ASSERT_EQ(news.size(), 1u);
    EXPECT_EQ(news[0].known, !never_opened);
  }
}

TEST(TurnReaderTest, ATurnToldAnewCountsAlone) {
  TurnJournal journal("life 1");
  journal.Written("a").Says("one").Piece("{\"type\":\"assis");  // Then the agent was killed.
  journal.NextAgent("life 2").Gap("a").Says("one").Says("two").Settled("a");
  const Heard heard = ReadFrom({}, journal, journal.events.size(), {});
  EXPECT_EQ(heard.texts.at("a"), "one\n\ntwo");
  EXPECT_TRUE(heard.outcomes.at("a").ok());

  absl::optional<ReadPoint> point;
  Heard stored;
  ReadFrom({}, journal, journal.events.size(), {}, &point, &stored);
  EXPECT_EQ(point->mark.incarnation, "life 2");
}

// claude was still speaking of something else when it got the message.
TEST(TurnReaderTest, WhatWasSaidBeforeTheAnswerBeginsIsNotAmongIt) {
  TurnJournal journal("life 1");
  journal.Written("a").Says("of a task").Line(R"({"type":"assistant","mess)");
  journal.Line(R"({"type":"result","result":"of a task"})").Gap("a").Says("mine").Settled("a");
  for (size_t cut = 0; cut <= journal.events.size(); ++cut) {
    absl::optional<ReadPoint> point;
    Heard stored;
    ReadFrom({}, journal, cut, {}, &point, &stored);
    const ReadMark mark = point.value_or(ReadPoint()).mark;
    const Heard heard = ReadFrom({.mark = mark}, journal, journal.events.size(), stored);
    EXPECT_EQ(heard.texts.at("a"), "mine") << "cut at " << cut;
    EXPECT_TRUE(heard.outcomes.at("a").ok()) << heard.outcomes.at("a");
  }
}

TEST(TurnReaderTest, AResetIsReadFromWhereItBegins) {
  TurnReader reader(ReadPoint{.mark = {.journal_id = "lost", .incarnation = "life 1", .seq = 9}});
  v1::Reset reset;
  reset.mutable_position()->set_journal_id("new");
  reset.mutable_position()->set_incarnation("life 2");
  reset.set_reason(v1::RESET_UNKNOWN_JOURNAL);
  std::vector<SessionNews> news;
  reader.Apply(reset, news);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_FALSE(news[0].known);
  EXPECT_EQ(reader.point().mark.journal_id, "new");
  EXPECT_EQ(reader.point().seq, 0u);
}

// What a reader whose mark is in the turn of `in_flight` hears of the events behind a hole.
Heard BehindHole(v1::ResetReason reason, const std::string& in_flight, const TurnJournal& journal) {
  TurnReader reader({.mark = {.journal_id = "j", .seq = 3, .in_flight = in_flight}});
  std::vector<SessionNews> news;
  v1::Reset reset;
  reset.mutable_position()->set_journal_id("j");
  reset.mutable_position()->set_seq(8);
  reset.set_reason(reason);
  reader.Apply(reset, news);
  EXPECT_EQ(news[0].known, reason == v1::RESET_TRIMMED);
  uint64_t seq = 8;
  for (v1::Event event : journal.events) {
    event.set_seq(++seq);
    reader.Apply(event, news);
  }
  Heard heard;
  heard.Take(news);
  return heard;
}

// As for a store that was put back from a copy.
TEST(TurnReaderTest, BehindAHoleNothingIsWholeBeforeATurnBegins) {
  TurnJournal journal("life 1");
  journal.Says("the end of b").Settled("b").Written("c").Says("whole").Settled("c");
  for (const v1::ResetReason reason :
       {v1::RESET_TRIMMED, v1::RESET_UNKNOWN_JOURNAL, v1::RESET_AHEAD}) {
    for (const std::string in_flight : {"a", "b", ""}) {
      const Heard heard = BehindHole(reason, in_flight, journal);
      EXPECT_EQ(heard.texts, (std::map<std::string, std::string>{{"c", "whole"}}));
      EXPECT_EQ(KindOf(heard.outcomes.at("b")), v1::FAILURE_AMBIGUOUS);
      EXPECT_TRUE(heard.outcomes.at("c").ok());
    }
  }
}

TEST(TurnReaderTest, ATellThatIsToldAnewMendsNoOther) {
  TurnJournal anew("life 1");
  anew.Gap("a").Says("whole").Settled("a").Says("the end of b").Settled("b");
  for (const std::string in_flight : {"a", "b", ""}) {
    const Heard heard = BehindHole(v1::RESET_TRIMMED, in_flight, anew);
    EXPECT_EQ(heard.texts, (std::map<std::string, std::string>{{"a", "whole"}}));
    EXPECT_TRUE(heard.outcomes.at("a").ok());
    EXPECT_EQ(KindOf(heard.outcomes.at("b")), v1::FAILURE_AMBIGUOUS);
  }
  TurnJournal within("life 1");
  within.Written("b").Says("beginning").Gap("a").Says("whole").Settled("a");
  within.Says("the end of b").Settled("b");
  const Heard heard = ReadFrom({}, within, within.events.size(), {});
  EXPECT_EQ(heard.texts.at("a"), "whole");
  EXPECT_TRUE(heard.outcomes.at("a").ok());
  EXPECT_EQ(heard.texts.at("b"), "beginning");
  EXPECT_EQ(KindOf(heard.outcomes.at("b")), v1::FAILURE_AMBIGUOUS);
}

TEST(TurnReaderTest, ATurnInWhichEventsWereLostIsNotWhole) {
  TurnJournal journal("life 1");
  journal.Written("a").Says("beginning").Gap("").Says("end").Settled("a");
  journal.Written("b").Says("whole").Settled("b");
  const Heard heard = ReadFrom({}, journal, journal.events.size(), {});
  EXPECT_EQ(heard.texts.at("a"), "beginning");
  EXPECT_EQ(KindOf(heard.outcomes.at("a")), v1::FAILURE_AMBIGUOUS);
  EXPECT_TRUE(heard.outcomes.at("b").ok());
}

TEST(TurnReaderTest, AnAnswerWithAHoleIsAFailure) {
  TurnJournal journal("life 1");
  journal.Written("a").Line(R"({"type":"assistant","mess)").Settled("a");
  const Heard heard = ReadFrom({}, journal, journal.events.size(), {});
  EXPECT_EQ(KindOf(heard.outcomes.at("a")), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(std::string(heard.outcomes.at("a").message()), HasSubstr("incomplete"));
}

v1::Event EventAt(uint64_t seq) {
  v1::Event event;
  event.set_seq(seq);
  return event;
}

v1::Event AskedAt(uint64_t seq, const std::string& id) {
  v1::Event event = EventAt(seq);
  event.mutable_request()->set_request_id(id);
  return event;
}

TEST(TurnReaderTest, OfAChildThatEndedItsLastWordsAreTold) {
  TurnReader reader(ReadPoint{.mark = {.journal_id = "j"}});
  v1::Event exited = EventAt(1);
  exited.mutable_exited()->set_signal(9);
  exited.mutable_exited()->set_stderr_tail(std::string(4000, 'x') + " out of memory");
  std::vector<SessionNews> news;
  reader.Apply(exited, news);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(KindOf(news[0].outcome), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(news[0].outcome.message()),
              testing::AllOf(HasSubstr("signal 9"), HasSubstr("out of memory")));
}

// What the first answer says of the child and what it asks is newer than what is read again.
TEST(TurnReaderRequestsTest, WhatIsReadAgainSaysNothingNewOfTheChild) {
  TurnReader reader({.mark = {.journal_id = "j", .incarnation = "one", .seq = 1}});
  std::vector<SessionNews> news;
  v1::Attached attached;
  attached.mutable_position()->set_seq(5);
  attached.mutable_child()->set_pid(7);
  attached.add_pending_requests()->set_request_id("q");
  reader.Apply(attached, news);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(news[0].requests.at(0).request_id(), "q");

  news.clear();
  v1::Event exited = EventAt(2), started = EventAt(3), answered = EventAt(5);
  exited.mutable_exited()->set_code(0);
  started.mutable_started()->mutable_child()->set_pid(7);
  answered.mutable_answered()->set_request_id("q");
  for (const v1::Event& event : {exited, started, AskedAt(4, "q"), answered}) {
    reader.Apply(event, news);
  }
  EXPECT_TRUE(news.empty());

  for (v1::Event* event : {&answered, &exited}) event->set_seq(event->seq() + 10);
  for (const v1::Event& event : {AskedAt(6, "r"), answered, exited}) reader.Apply(event, news);
  ASSERT_EQ(news.size(), 3u);
  EXPECT_EQ(news[0].kind, Kind::kAsked);
  EXPECT_EQ(news[0].requests.at(0).request_id(), "r");
  EXPECT_EQ(news[1].kind, Kind::kAnswered);
  EXPECT_EQ(news[1].request_id, "q");
  EXPECT_EQ(news[2].kind, Kind::kExited);
}

TEST(TurnReaderRequestsTest, AResetSaysAsOfWhenItIs) {
  TurnReader reader({.mark = {.journal_id = "j", .incarnation = "one", .seq = 1}});
  std::vector<SessionNews> news;
  v1::Reset reset;
  reset.set_newest_seq(9);
  reset.mutable_position()->set_seq(3);
  reader.Apply(reset, news);
  news.clear();
  reader.Apply(AskedAt(9, "old"), news);
  EXPECT_TRUE(news.empty());
  reader.Apply(AskedAt(10, "new"), news);
  EXPECT_EQ(news.size(), 1u);
}

}  // namespace
}  // namespace iris
