#ifndef IRIS_COORDINATOR_STORE_TESTING_CONFORMANCE_H_
#define IRIS_COORDINATOR_STORE_TESTING_CONFORMANCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_trouble.h"
#include "coordinator/store/stored.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// What every Store has to do. A test of an implementation includes this once, in one .cc, and
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformanceTest, ::testing::Values(&MakeSqliteHome));
namespace iris {

// Where the lives of one store keep it.
class StoreHome {
 public:
  struct Opening {
    std::function<absl::Time()> now;
    std::function<absl::Duration()> monotonic;
    int64_t settled_tells_max = 1000;
  };
  virtual ~StoreHome() = default;
  // The next life. That of the one before has ended.
  virtual std::unique_ptr<Store> Open(const Opening& opening) = 0;
  // The life of `store` ends by a loss of power, which takes whatever is not durable.
  virtual void LosePower(std::unique_ptr<Store> store) = 0;
};

using MakeStoreHome = std::unique_ptr<StoreHome> (*)();

class StoreConformanceTest : public ::testing::TestWithParam<MakeStoreHome> {
 protected:
  StoreConformanceTest() : home_(GetParam()()) { Reopen(); }

  void LosePower() {
    home_->LosePower(std::move(store_));
    Reopen();
  }
  // Another life: what was stored, and nothing else.
  void Reopen(int64_t settled_tells_max = 1000) {
    store_.reset();
    store_ = home_->Open({.now = [this] { return now_; },
                          .monotonic = [this] { return up_; },
                          .settled_tells_max = settled_tells_max});
    session_id_ = store_->GetOrCreateSession("cli", "gpu")->session_id;
  }
  void Pass(absl::Duration time) {
    now_ += time;
    up_ += time;
  }
  std::string Added(absl::string_view text = "hello", TellState state = TellState::kQueued) {
    const std::string id = NewUuid();
    EXPECT_TRUE(store_->AddTell(id, session_id_, text, state).ok());
    return id;
  }
  // One that is not synced, unless the store knows nothing of that.
  std::string AddedUnsynced() {
    const std::string id = NewUuid();
    EXPECT_TRUE(
        store_->TogetherUnsynced([&] { return store_->AddTell(id, session_id_, "unsynced"); })
            .ok());
    EXPECT_TRUE(IsThere(id));
    return id;
  }
  absl::Status Settle(const std::string& id, const absl::Status& outcome,
                      absl::string_view answer) {
    return store_->Save({}, {{.tell_id = id, .outcome = outcome, .answer = answer}});
  }
  std::string Answered(absl::string_view answer = "yes") {
    const std::string id = Added();
    EXPECT_TRUE(Settle(id, absl::OkStatus(), answer).ok());
    return id;
  }
  Checkpoint Read(const std::string& tell_id, uint64_t seq, size_t at,
                  absl::string_view text) const {
    return {.session_id = session_id_,
            .mark = {.journal_id = "journal", .seq = seq, .in_flight = tell_id},
            .tell_id = tell_id,
            .text_at = at,
            .text = text};
  }
  StoredTell Tell(const std::string& id) { return store_->FindTell(id)->value(); }
  bool IsThere(const std::string& id) { return (*store_->FindTell(id)).has_value(); }
  std::vector<std::string> Listed(bool all = false) {
    const std::vector<StoredTellSummary> summaries = *store_->Summaries("cli", all);
    std::vector<std::string> ids;
    for (const StoredTellSummary& summary : summaries) ids.push_back(summary.tell_id);
    return ids;
  }
  std::vector<std::string> Unfetched() {
    const std::vector<Store::WaitingAnswer> answers = *store_->Unfetched("cli");
    std::vector<std::string> ids;
    for (const Store::WaitingAnswer& answer : answers) ids.push_back(answer.tell_id);
    return ids;
  }
  std::vector<std::string> Places() {
    const std::vector<Store::Placed> all = *store_->AllPlaced();
    std::vector<std::string> names;
    for (const Store::Placed& agent : all) names.push_back(agent.place);
    return names;
  }

  absl::Time now_ = absl::FromUnixMillis(1'700'000'000'000);
  absl::Duration up_;
  const std::unique_ptr<StoreHome> home_;
  std::unique_ptr<Store> store_;
  std::string session_id_;
};

using ::testing::ElementsAre;

TEST_P(StoreConformanceTest, WhoItIsAndItsSessionsStay) {
  const std::string coordinator_id = store_->coordinator_id(), session_id = session_id_;
  EXPECT_TRUE(IsUuid(coordinator_id));
  Pass(absl::Seconds(1));
  const StoredSession made = *store_->GetOrCreateSession("web", "gpu");
  const std::string& other = made.session_id;
  EXPECT_NE(other, session_id);
  EXPECT_TRUE(made.is_new);
  EXPECT_FALSE(store_->GetOrCreateSession("web", "gpu")->is_new);
  Reopen();
  EXPECT_EQ(store_->coordinator_id(), coordinator_id);
  EXPECT_EQ(session_id_, session_id);
  EXPECT_EQ(store_->GetOrCreateSession("web", "gpu")->session_id, other);
  Pass(absl::Seconds(1));
  Added();
  const std::vector<StoredSession> sessions = *store_->Sessions();
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].session_id, session_id) << "the most recently used first";
  EXPECT_EQ(sessions[0].last_used_at, now_);
}

TEST_P(StoreConformanceTest, ATellIsThereWithAllThatIsSaidOfIt) {
  const std::string id = NewUuid();
  ASSERT_TRUE(
      store_->AddTell(id, session_id_, "do it", TellState::kRunning, true, true, "WAY").ok());
  Reopen();
  const StoredTell tell = Tell(id);
  EXPECT_EQ(tell.session_id, session_id_);
  EXPECT_EQ(tell.from, "cli");
  EXPECT_EQ(tell.to, "gpu");
  EXPECT_EQ(tell.text, "do it");
  EXPECT_EQ(tell.state, TellState::kRunning);
  EXPECT_EQ(tell.accepted_at, now_);
  EXPECT_TRUE(tell.wait_for_limit && tell.wait_for_host);
  EXPECT_EQ(tell.way, "WAY");
  EXPECT_FALSE(IsThere(NewUuid()));
}

TEST_P(StoreConformanceTest, ATellThatIsAddedAgainIsOneAndAnotherOfItsIdIsAConflict) {
  const std::string id = Added("hello");
  ASSERT_TRUE(store_->MarkRunning(id).ok());
  EXPECT_TRUE(store_->AddTell(id, session_id_, "hello").ok());
  EXPECT_EQ(Tell(id).state, TellState::kRunning);
  const absl::Status other = store_->AddTell(id, session_id_, "something else");
  EXPECT_EQ(KindOf(other), v1::FAILURE_STORAGE);
  EXPECT_EQ(TroubleOf(other), StoreTrouble::kConflict);
  EXPECT_EQ(Tell(id).text, "hello");
  EXPECT_THAT(*store_->OpenTells(), ElementsAre(id));
}

TEST_P(StoreConformanceTest, ATellGoesToItsTeamAndBackUntilItIsOver) {
  const std::string a = Added(), b = Added(), c = Added();
  ASSERT_TRUE(store_->MarkRunning(a).ok() && store_->MarkRunning(c).ok());
  ASSERT_TRUE(store_->MarkQueued(c).ok());
  ASSERT_TRUE(Settle(b, absl::OkStatus(), "done").ok());
  ASSERT_TRUE(store_->MarkRunning(b).ok() && store_->MarkQueued(b).ok());
  Reopen();
  EXPECT_EQ(Tell(a).state, TellState::kRunning);
  EXPECT_EQ(Tell(b).state, TellState::kSettled);
  EXPECT_EQ(Tell(c).state, TellState::kQueued);
  EXPECT_THAT(*store_->OpenTells(), ElementsAre(a, c));
}

TEST_P(StoreConformanceTest, ATellIsSettledOnceAndSavingItAgainDoesNoHarm) {
  const std::string id = Added();
  Pass(absl::Seconds(3));
  const absl::Status failed = MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9", "Again.");
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(
        store_->Save({Read("", 7, 0, "")}, {{.tell_id = id, .outcome = failed, .answer = "half"}})
            .ok());
  }
  ASSERT_TRUE(Settle(id, absl::OkStatus(), "late").ok());
  Reopen();
  const StoredTell tell = Tell(id);
  EXPECT_EQ(tell.answer, "half");
  EXPECT_EQ(KindOf(tell.outcome), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(ToProto(tell.outcome).fix(), "Again.");
  EXPECT_EQ(tell.settled_at - tell.accepted_at, absl::Seconds(3));
  EXPECT_EQ(store_->FindMark(session_id_)->seq, 7u);
  const std::vector<StoredSession> sessions = *store_->Sessions();
  EXPECT_EQ(sessions.at(0).message_count, 1u);
}

TEST_P(StoreConformanceTest, TheTextSoFarIsPutTogetherFromItsPieces) {
  const std::string id = Added(), other = Added();
  ASSERT_TRUE(store_->Save({Read(id, 1, 0, "one ")}, {}).ok());
  ASSERT_TRUE(store_->Save({Read(id, 2, 4, "two")}, {}).ok());
  ASSERT_TRUE(store_->Save({Read(id, 2, 4, "two three")}, {}).ok()) << "said to have failed before";
  ASSERT_TRUE(store_->Save({Read(other, 3, 0, "other")}, {}).ok());
  Reopen();
  EXPECT_EQ(*store_->FindText(id), "one two three");
  Checkpoint anew = Read(id, 4, 0, "whole");
  anew.void_before = true;
  ASSERT_TRUE(store_->Save({anew}, {}).ok());
  EXPECT_EQ(*store_->FindText(id), "whole");
  ASSERT_TRUE(Settle(id, absl::OkStatus(), "whole").ok());
  EXPECT_EQ(*store_->FindText(id), "");
  EXPECT_EQ(*store_->FindText(other), "other");
}

// A long one; what was stored of it stays where it is.
TEST_P(StoreConformanceTest, WhatIsStoredOfAnAnswerIsNotStoredAgain) {
  const std::string id = Added(), other = Added();
  const std::string one(100'000, '1'), two(50'000, '2'), lost(10, 'l'), rest(10'000, 'r');
  ASSERT_TRUE(store_->Save({Read(other, 1, 0, "other")}, {}).ok());
  ASSERT_TRUE(store_->Save({Read(id, 2, 0, one)}, {}).ok());
  ASSERT_TRUE(store_->Save({Read(id, 3, one.size(), two)}, {}).ok());
  ASSERT_TRUE(store_->Save({Read(id, 4, one.size() + two.size(), lost)}, {}).ok())
      << "and is said to have failed";
  const std::string answer = one + two + rest;
  Settlement settlement{.tell_id = id, .answer = answer};
  settlement.stored_bytes = one.size() + two.size();
  ASSERT_TRUE(store_->Save({Read("", 5, 0, "")}, {settlement}).ok());
  Reopen();
  EXPECT_TRUE(Tell(id).answer == answer);
  EXPECT_EQ(*store_->FindText(id), "");
  EXPECT_EQ(*store_->FindText(other), "other");
  const StoredTellSummary summary = store_->FindSummary(id)->value();
  EXPECT_EQ(summary.answer_bytes, answer.size());
  EXPECT_EQ(summary.answer_preview, std::string(120, '1'));
  LosePower();
  EXPECT_TRUE(Tell(id).answer == answer);
}

TEST_P(StoreConformanceTest, OfAnAnswerThatIsTooLongWhatIsStoredIsCutOff) {
  const std::string id = Added();
  const std::string text(100'001, 'x');
  ASSERT_TRUE(store_->Save({Read(id, 1, 0, text)}, {}).ok());
  Settlement settlement{.tell_id = id, .answer = absl::string_view(text).substr(0, 100'000)};
  settlement.stored_bytes = 100'000;
  ASSERT_TRUE(store_->Save({}, {settlement}).ok());
  EXPECT_EQ(Tell(id).answer.size(), 100'000u);
  EXPECT_EQ(store_->FindSummary(id)->value().answer_bytes, 100'000u);
}

TEST_P(StoreConformanceTest, AMarkComesBackAsItWas) {
  EXPECT_EQ(*store_->FindMark(session_id_), ReadMark());
  const ReadMark mark{.journal_id = NewUuid(),
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
  ASSERT_TRUE(store_->Save({{.session_id = session_id_, .mark = mark}}, {}).ok());
  Reopen();
  EXPECT_EQ(*store_->FindMark(session_id_), mark);
}

TEST_P(StoreConformanceTest, WhatIsPutOffIsQueuedAgainWithoutItsText) {
  const std::string id = Added("hello", TellState::kRunning);
  ASSERT_TRUE(store_->Save({Read(id, 1, 0, "limit reached")}, {}).ok());
  const absl::Time until = now_ + absl::Hours(3);
  ASSERT_TRUE(store_->Save({}, {}, {{.tell_id = id, .not_before = until, .waits = 2}}).ok());
  Reopen();
  const StoredTell tell = Tell(id);
  EXPECT_EQ(tell.state, TellState::kQueued);
  EXPECT_EQ(tell.not_before, until);
  EXPECT_EQ(tell.limit_waits, 2);
  EXPECT_EQ(*store_->FindText(id), "");
}

TEST_P(StoreConformanceTest, AnAnswerIsUnfetchedUntilSomebodyFetchesIt) {
  const std::string open = Added(), a = Answered(), b = Answered();
  EXPECT_THAT(Unfetched(), ElementsAre(a, b));
  EXPECT_FALSE(Tell(a).fetched);
  ASSERT_TRUE(store_->MarkFetched(a).ok() && store_->MarkFetched(open).ok());
  EXPECT_TRUE(Tell(a).fetched);
  EXPECT_THAT(Unfetched(), ElementsAre(b));
  EXPECT_THAT(Listed(), ElementsAre(open, b));
  EXPECT_THAT(Listed(/*all=*/true), ElementsAre(open, a, b));
  ASSERT_TRUE(Settle(open, absl::OkStatus(), "late").ok());
  EXPECT_THAT(Unfetched(), ElementsAre(open, b));
}

TEST_P(StoreConformanceTest, ASummarySaysEverythingButTheTexts) {
  const std::string id = Added("do it");
  ASSERT_TRUE(Settle(id, MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9"), "half").ok());
  const StoredTellSummary summary = store_->FindSummary(id)->value();
  EXPECT_EQ(summary.from, "cli");
  EXPECT_EQ(summary.to, "gpu");
  EXPECT_EQ(summary.state, TellState::kSettled);
  EXPECT_EQ(KindOf(summary.outcome), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(summary.answer_bytes, 4u);
  EXPECT_EQ(summary.preview, "do it");
  EXPECT_EQ(summary.answer_preview, "half");
  EXPECT_FALSE(summary.fetched || summary.dropped);
  EXPECT_FALSE((*store_->FindSummary(NewUuid())).has_value());
}

TEST_P(StoreConformanceTest, WhatWasFetchedMakesRoomBeforeWhatWasNot) {
  Reopen(/*settled_tells_max=*/2);
  const std::string unfetched = Answered(), fetched = Answered();
  ASSERT_TRUE(store_->MarkFetched(fetched).ok());
  const std::string third = Answered();
  EXPECT_FALSE(IsThere(fetched));
  EXPECT_EQ(Tell(unfetched).answer, "yes");
  const std::string last = Answered();
  EXPECT_TRUE(Tell(unfetched).dropped);
  EXPECT_EQ(Tell(unfetched).text + Tell(unfetched).answer, "");
  EXPECT_EQ(KindOf(Tell(unfetched).outcome), v1::FAILURE_STORAGE);
  EXPECT_EQ(store_->FindSummary(unfetched)->value().preview, "hello");
  EXPECT_THAT(Unfetched(), ElementsAre(third, last));
}

TEST_P(StoreConformanceTest, AnAnswerThatNobodyFetchesIsDroppedAndLaterForgotten) {
  const std::string old = Answered();
  Pass(absl::Hours(24));
  const std::string younger = Answered(), open = Added();
  Pass(kAnswersKept - absl::Hours(24));
  ASSERT_TRUE(store_->KeepHouse().ok());
  EXPECT_TRUE(Tell(old).dropped);
  EXPECT_FALSE(Tell(younger).dropped);
  Pass(kAnswersKept);
  ASSERT_TRUE(store_->KeepHouse().ok());
  EXPECT_THAT(Listed(), ElementsAre(younger, open));
}

TEST_P(StoreConformanceTest, ACancelWaitsForTheHostThatHadTheTell) {
  const std::string id = Added(), other = Added();
  const auto move_to = [this](const std::string& host) {
    ASSERT_TRUE(
        store_->Save({{.session_id = session_id_, .mark = {.host = {.key = host}}}}, {}).ok());
  };
  move_to("a");
  ASSERT_TRUE(store_->NoteCancel(id, "on-host").ok());
  move_to("b");
  ASSERT_TRUE(store_->NoteCancel(id, "on-host").ok());
  ASSERT_TRUE(store_->NoteCancel(other, "other-on-host").ok());
  ASSERT_TRUE(Settle(id, MakeFailure(v1::FAILURE_CANCELLED, "away"), "").ok());
  Reopen();
  std::vector<Store::PendingCancel> cancels = *store_->Cancels();
  ASSERT_EQ(cancels.size(), 2u);
  if (cancels[0].tell_id != id) std::swap(cancels[0], cancels[1]);
  EXPECT_EQ(cancels[0].host, "a");
  EXPECT_EQ(cancels[0].id_on_host, "on-host");
  EXPECT_EQ(cancels[0].session_id, session_id_);
  EXPECT_EQ(cancels[1].host, "b");
  ASSERT_TRUE(store_->ForgetPlaced("a").ok());
  ASSERT_TRUE(store_->ForgetCancel("other-on-host").ok());
  EXPECT_TRUE((*store_->Cancels()).empty());
}

TEST_P(StoreConformanceTest, WhatIsCancelledIsSettledAndNotedAtOnce) {
  const std::string id = Added();
  const Settlement settlement = {.tell_id = id,
                                 .outcome = MakeFailure(v1::FAILURE_CANCELLED, "stopped"),
                                 .cancel_on_host = "on-host"};
  ASSERT_TRUE(store_->Save({}, {settlement}).ok());
  Reopen();
  const std::vector<Store::PendingCancel> cancels = *store_->Cancels();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].tell_id, id);
  EXPECT_EQ(cancels[0].id_on_host, "on-host");
}

TEST_P(StoreConformanceTest, AHostThatAnsweredIsKnownByItsWayAndForAWhile) {
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

TEST_P(StoreConformanceTest, AgentsAreKnownUntilTheyAreEndedThoseNotTriedFirst) {
  for (const char* place : {"a", "b", "c"}) {
    now_ += absl::Seconds(1);
    ASSERT_TRUE(store_->NotePlaced({.place = place, .name = "name", .way = "\xFF"}).ok());
  }
  EXPECT_THAT(Places(), ElementsAre("c", "b", "a"));
  ASSERT_TRUE(store_->NoteTriedPlaces({"c", "not there"}).ok());
  Reopen();
  EXPECT_THAT(Places(), ElementsAre("b", "a", "c"));
  const std::vector<Store::Placed> all = *store_->AllPlaced();
  EXPECT_EQ(all[0].way, "\xFF");
  EXPECT_EQ(all[2].at, now_);
  ASSERT_TRUE(store_->ForgetPlaced("b").ok());
  EXPECT_THAT(Places(), ElementsAre("a", "c"));
}

TEST_P(StoreConformanceTest, WhatIsWrittenTogetherIsThereTogether) {
  const std::string settled = Added(), added = NewUuid();
  ASSERT_TRUE(store_
                  ->Together([&] {
                    EXPECT_TRUE(store_->AddTell(added, session_id_, "x").ok());
                    EXPECT_TRUE(IsThere(added)) << "inside it is seen";
                    EXPECT_TRUE(Settle(settled, absl::OkStatus(), "yes").ok());
                    EXPECT_TRUE(store_->NoteAnswer("gpu", "way").ok());
                    return store_->MarkFetched(settled);
                  })
                  .ok());
  Reopen();
  EXPECT_THAT(*store_->OpenTells(), ElementsAre(added));
  EXPECT_TRUE(Tell(settled).fetched);
  EXPECT_TRUE(*store_->HasAnswered("gpu", "way"));
}

TEST_P(StoreConformanceTest, WhereOneOfThemFailsNothingIsThereAndTheNextGoesWell) {
  Reopen(/*settled_tells_max=*/1);
  const std::string open = Added(), added = NewUuid(), first = Answered();
  Checkpoint read = Read(open, 1, 0, "text");
  read.mark.turn.end = std::make_shared<std::string>("the end");
  const absl::Status why = MakeFailure(v1::FAILURE_STORAGE, "on purpose");
  const auto write = [&](const absl::Status& ending) {
    return store_->Together([&] {
      EXPECT_TRUE(store_->AddTell(added, session_id_, "x").ok());
      EXPECT_TRUE(
          store_->Save({read}, {{.tell_id = open, .outcome = {}, .answer = "answer"}}).ok());
      return ending;
    });
  };
  EXPECT_EQ(write(why), why);
  EXPECT_FALSE(IsThere(added));
  EXPECT_EQ(Tell(open).state, TellState::kQueued);
  EXPECT_EQ(Tell(first).answer, "yes");
  EXPECT_EQ(*store_->FindMark(session_id_), ReadMark());
  ASSERT_TRUE(write(absl::OkStatus()).ok());
  Reopen(/*settled_tells_max=*/1);
  EXPECT_TRUE(IsThere(added));
  EXPECT_EQ(Tell(open).answer, "answer");
  EXPECT_TRUE(Tell(first).dropped);
  EXPECT_EQ(*store_->FindMark(session_id_), read.mark);
}

TEST_P(StoreConformanceTest, WhatAMethodHasWrittenOutlivesThePower) {
  const std::string open = Added("hello", TellState::kRunning);
  LosePower();
  EXPECT_EQ(Tell(open).text, "hello");
  ASSERT_TRUE(store_->MarkQueued(open).ok());
  LosePower();
  EXPECT_EQ(Tell(open).state, TellState::kQueued);
  ASSERT_TRUE(store_->MarkRunning(open).ok());
  LosePower();
  EXPECT_EQ(Tell(open).state, TellState::kRunning);
  ASSERT_TRUE(store_->Save({Read(open, 7, 0, "so far")}, {}).ok());
  LosePower();
  EXPECT_EQ(store_->FindMark(session_id_)->seq, 7u);
  EXPECT_EQ(*store_->FindText(open), "so far");
  ASSERT_TRUE(store_->NoteCancel(open, "on-host").ok());
  LosePower();
  EXPECT_EQ((*store_->Cancels()).size(), 1u);
  ASSERT_TRUE(Settle(open, absl::OkStatus(), "all of it").ok());
  LosePower();
  EXPECT_EQ(Tell(open).answer, "all of it");
  EXPECT_THAT(Unfetched(), ElementsAre(open));
  ASSERT_TRUE(store_->MarkFetched(open).ok());
  LosePower();
  EXPECT_THAT(Unfetched(), ElementsAre());
  ASSERT_TRUE(store_->NoteAnswer("gpu", "ssh gpu1").ok());
  ASSERT_TRUE(store_->NotePlaced({.place = "a", .name = "name", .way = "way"}).ok());
  LosePower();
  EXPECT_TRUE(*store_->HasAnswered("gpu", "ssh gpu1"));
  EXPECT_THAT(Places(), ElementsAre("a"));
  const std::string other = store_->GetOrCreateSession("web", "gpu")->session_id;
  LosePower();
  EXPECT_EQ(store_->GetOrCreateSession("web", "gpu")->session_id, other);
}

TEST_P(StoreConformanceTest, WhatIsUnsyncedOutlivesTheProcess) {
  const std::string id = AddedUnsynced();
  Reopen();
  EXPECT_EQ(Tell(id).text, "unsynced");
  LosePower();
  EXPECT_TRUE(IsThere(id)) << "whoever asked the second life has heard of it";
}

TEST_P(StoreConformanceTest, WhatALossOfPowerTakesIsTheLastThatWasWritten) {
  const std::string open = Added();
  ASSERT_TRUE(store_->Save({Read(open, 1, 0, "one ")}, {}).ok());
  const std::string added = AddedUnsynced();
  ASSERT_TRUE(store_
                  ->TogetherUnsynced([&] {
                    return store_->Save({Read(open, 2, 4, "two")},
                                        {{.tell_id = added, .outcome = {}, .answer = "yes"}});
                  })
                  .ok());
  const bool is_synced = store_->IsSynced();
  LosePower();
  EXPECT_EQ(Tell(open).text, "hello");
  EXPECT_EQ(store_->FindMark(session_id_)->seq, is_synced ? 2u : 1u);
  EXPECT_EQ(*store_->FindText(open), is_synced ? "one two" : "one ");
  EXPECT_EQ(IsThere(added), is_synced);
  Added();
}

TEST_P(StoreConformanceTest, WhatIsSyncedOutlivesThePower) {
  EXPECT_TRUE(store_->IsSynced());
  const std::string id = AddedUnsynced();
  ASSERT_TRUE(store_->Sync().ok());
  EXPECT_TRUE(store_->IsSynced());
  ASSERT_TRUE(store_->Sync().ok()) << "there is nothing to wait for";
  LosePower();
  EXPECT_TRUE(IsThere(id));
}

TEST_P(StoreConformanceTest, WhatIsWrittenBehindItSyncsItToo) {
  const std::string id = AddedUnsynced(), other = Added();
  EXPECT_TRUE(store_->IsSynced());
  const std::string last = AddedUnsynced();
  ASSERT_TRUE(store_->MarkRunning(last).ok());
  EXPECT_TRUE(store_->IsSynced());
  LosePower();
  EXPECT_TRUE(IsThere(id) && IsThere(other));
  EXPECT_EQ(Tell(last).state, TellState::kRunning);
}

TEST_P(StoreConformanceTest, AWriteThatChangesNothingMakesNothingDurableWithoutSayingSo) {
  const std::string id = AddedUnsynced();
  ASSERT_TRUE(store_->MarkRunning("not there").ok());
  ASSERT_TRUE(store_->MarkQueued(id).ok()) << "it is queued already";
  ASSERT_TRUE(store_->Together([] { return absl::OkStatus(); }).ok());
  const bool is_synced = store_->IsSynced();
  LosePower();
  EXPECT_EQ(IsThere(id), is_synced);
}

TEST_P(StoreConformanceTest, WhereUnsyncedWritesFailNothingOfThemIsThere) {
  const std::string open = Added(), id = NewUuid();
  const absl::Status why = MakeFailure(v1::FAILURE_STORAGE, "on purpose");
  const absl::Status written = store_->TogetherUnsynced([&] {
    EXPECT_TRUE(store_->AddTell(id, session_id_, "x").ok());
    EXPECT_TRUE(Settle(open, absl::OkStatus(), "yes").ok());
    return why;
  });
  EXPECT_EQ(written, why);
  EXPECT_FALSE(IsThere(id));
  EXPECT_EQ(Tell(open).state, TellState::kQueued);
  EXPECT_TRUE(Settle(open, absl::OkStatus(), "yes").ok());
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_TESTING_CONFORMANCE_H_
