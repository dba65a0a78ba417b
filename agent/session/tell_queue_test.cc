#include "agent/session/tell_queue.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/held_work.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

const std::string kA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const std::string kB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";
const std::string kC = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";

class TellQueueTest : public PartFixture {
 protected:
  using Offered = TellQueue::Offered;

  TellQueueTest() { Begin(); }

  // The parts of one agent's life.
  void Begin() {
    replay = std::make_unique<Replay>(
        *log, [this] { return [at = transcript] { return at; }; }, [] { return "claude"; }, work);
    queue = std::make_unique<TellQueue>(
        files->tells(), *log, *replay, [this] { return room; }, [] { return "claude"; },
        [this] { ++asked; });
  }
  // That agent is killed, and the next one knows what it has left.
  void Recover() {
    queue.reset();
    replay.reset();
    NextAgent();
    Begin();
    queue->Recover();
  }
  Offered Offer(const std::string& id, bool repeat = false, bool begun = false) {
    return queue->Offer(id, "text of " + id.substr(0, 1), repeat, begun, /*opened=*/true);
  }
  // Their child is gone.
  void SettleLost() {
    queue->SettleLost(/*closed=*/false);
    queue->AskTranscript();
  }
  std::string CancelOf(const std::string& id) {
    std::string heard = "nothing yet";
    ends_survivor = queue->Cancel(id, [&heard](const absl::StatusOr<TellQueue::Phase>& was) {
      heard = was.ok() ? v1::TellState::Phase_Name(*was) : was.status().ToString();
    });
    return heard;
  }
  // claude took it, and answered it if `ended`.
  void Transcribe(const std::string& id, bool ended) {
    transcript = scratch.File("transcript.jsonl");
    std::ofstream out(transcript, std::ios::app);
    out << R"({"type":"user","uuid":")" << id << R"(","message":{"content":"x"}})"
        << "\n";
    out << Line(ended ? "\"end_turn\"" : "\"tool_use\"") << "\n";
  }
  static std::string Line(const std::string& stop_reason) {
    return absl::StrCat(R"({"type":"assistant","message":{"model":"m","content":[{"type":"text",)",
                        R"("text":"hi"}],"stop_reason":)", stop_reason, "}}");
  }

  SlowWork* work = nullptr;
  int asked = 0;
  std::string transcript;
  absl::Status room;
  std::unique_ptr<Replay> replay;
  std::unique_ptr<TellQueue> queue;
  bool ends_survivor = false;
};

TEST_F(TellQueueTest, TellsAreWrittenInOrderAndSettledOnce) {
  EXPECT_EQ(Offer(kA), Offered::kWaits);
  EXPECT_EQ(Offer(kB), Offered::kWaits);
  queue->AskTranscript();
  const TellQueue::Next next = queue->WriteNext();
  EXPECT_EQ(next.id, kA);
  EXPECT_EQ(next.text, "text of a");
  EXPECT_EQ(queue->PhaseOf(kA), v1::TellState::WRITTEN);
  queue->Settle(kA, absl::OkStatus());
  queue->Settle(kA, absl::OkStatus());
  EXPECT_TRUE(queue->any_waits());
  EXPECT_THAT(Story(),
              ElementsAre("accepted " + kA, "accepted " + kB, "written " + kA, "settled " + kA));
}

TEST_F(TellQueueTest, AKnownTellIsNotTakenTwice) {
  EXPECT_EQ(Offer(kA), Offered::kWaits);
  EXPECT_EQ(Offer(kA), Offered::kNothing);
  EXPECT_EQ(Offer(kA, /*repeat=*/true), Offered::kNothing);
  EXPECT_THAT(Story(), ElementsAre("accepted " + kA));
}

TEST_F(TellQueueTest, NothingIsTakenBeforeTheFirstOpen) {
  EXPECT_EQ(queue->Offer(kA, "x", false, false, /*opened=*/false), Offered::kNotOpened);
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(TellQueueTest, WhatIsTooMuchIsSettledAtOnce) {
  EXPECT_EQ(queue->Offer(kA, std::string(TellQueue::kTellBytesMax + 1, 'x'), false, false, true),
            Offered::kNothing);
  EXPECT_EQ(queue->Offer(kB, "\xff", false, false, true), Offered::kNothing);
  EXPECT_THAT(Story(), ElementsAre(absl::StrCat("settled ", kA, " FAILURE_BAD_REQUEST"),
                                   absl::StrCat("settled ", kB, " FAILURE_BAD_REQUEST")));
}

TEST_F(TellQueueTest, TheBoundOfTextsIsExactAndComesBack) {
  const std::string text(TellQueue::kTellBytesMax, 'x');
  std::vector<std::string> ids;
  for (size_t i = 0; i < TellQueue::kWaitingBytesMax / TellQueue::kTellBytesMax; ++i) {
    ids.push_back(NewUuid());
    ASSERT_EQ(queue->Offer(ids.back(), text, false, false, true), Offered::kWaits);
  }
  EXPECT_EQ(Offer(kA), Offered::kNothing);
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_BUSY_LIMIT"));
  EXPECT_EQ(CancelOf(ids.back()), "ACCEPTED");
  EXPECT_EQ(Offer(kB), Offered::kWaits);
}

TEST_F(TellQueueTest, ADiskWithoutRoomTakesNothing) {
  room = MakeFailure(v1::FAILURE_STORAGE, "full");
  EXPECT_EQ(Offer(kA), Offered::kNothing);
  EXPECT_THAT(Story(), ElementsAre(absl::StrCat("settled ", kA, " FAILURE_STORAGE")));
}

TEST_F(TellQueueTest, OneThatWaitsIsCancelledAndNeverWritten) {
  Offer(kA);
  EXPECT_EQ(CancelOf(kA), "ACCEPTED");
  EXPECT_FALSE(ends_survivor);
  EXPECT_FALSE(queue->any_waits());
  EXPECT_EQ(CancelOf(kA), "SETTLED");
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_CANCELLED"));
}

TEST_F(TellQueueTest, ACancelThatOvertakesItsTellSettlesIt) {
  EXPECT_EQ(CancelOf(kA), "PHASE_UNSPECIFIED");
  EXPECT_EQ(Offer(kA), Offered::kNothing);
  EXPECT_THAT(Story(), ElementsAre(absl::StrCat("settled ", kA, " FAILURE_CANCELLED")));
}

TEST_F(TellQueueTest, ASettledOneThatIsNewToItsSenderIsSettledAgainByTheTranscript) {
  Offer(kA);
  queue->WriteNext();
  Transcribe(kA, /*ended=*/true);
  queue->Settle(kA, absl::OkStatus());
  EXPECT_EQ(Offer(kA, /*repeat=*/true), Offered::kNothing);  // The journal says it.
  EXPECT_EQ(Offer(kA), Offered::kAsks);
  queue->AskTranscript();
  EXPECT_THAT(Story(),
              ElementsAre("accepted " + kA, "written " + kA, "settled " + kA, "accepted " + kA,
                          "gap " + kA, "output " + Line("\"end_turn\""), "settled " + kA));
}

TEST_F(TellQueueTest, OneThatMayHaveBeenSentBeforeIsLookedUpFirst) {
  Transcribe(kA, /*ended=*/true);
  EXPECT_EQ(Offer(kA, /*repeat=*/true), Offered::kWaits);
  EXPECT_EQ(Offer(kB, /*repeat=*/true), Offered::kWaits);
  queue->AskTranscript();
  EXPECT_EQ(queue->WriteNext().id, kB);
  EXPECT_EQ(queue->PhaseOf(kA), v1::TellState::SETTLED);
}

TEST_F(TellQueueTest, OneThatItsSenderSawBegunDoesNotRunAgain) {
  EXPECT_EQ(Offer(kA, /*repeat=*/true, /*begun=*/true), Offered::kWaits);
  queue->AskTranscript();
  EXPECT_FALSE(queue->any_waits());
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_AMBIGUOUS"));
}

TEST_F(TellQueueTest, ALostTellIsSettledByTheTranscript) {
  Offer(kA);
  queue->WriteNext();
  Recover();
  v1::SessionInfo info;
  queue->Describe(info);
  EXPECT_EQ(info.tell_in_flight(), kA);
  Transcribe(kA, /*ended=*/true);
  SettleLost();
  EXPECT_EQ(Story().back(), "settled " + kA);
}

TEST_F(TellQueueTest, ALostTellThatBrokeOffIsAmbiguous) {
  Offer(kA);
  queue->WriteNext();
  Recover();
  Transcribe(kA, /*ended=*/false);
  SettleLost();
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_AMBIGUOUS"));
}

TEST_F(TellQueueTest, ALostTellThatNeverBeganWaitsBeforeAllOthers) {
  Offer(kA);
  queue->WriteNext();
  Recover();
  EXPECT_EQ(Offer(kB), Offered::kWaits);
  EXPECT_EQ(Offer(kA, /*repeat=*/true), Offered::kNothing);  // Its text is here again.
  SettleLost();
  EXPECT_EQ(queue->WriteNext().id, kA);
  EXPECT_EQ(queue->WriteNext().id, kB);
}

TEST_F(TellQueueTest, LostOnesOfAConversationWithoutATranscriptHereDoNotRunAgain) {
  for (const std::string& id : {kA, kB}) {
    Offer(id);
    queue->WriteNext();
  }
  Recover();
  Offer(kA, /*repeat=*/true);
  Offer(kC);
  SettleLost();
  queue->SettleMaybeRead(MakeFailure(v1::FAILURE_AMBIGUOUS, "it may have been read"));
  EXPECT_THAT(Story(), IsSupersetOf({absl::StrCat("settled ", kA, " FAILURE_AMBIGUOUS"),
                                     absl::StrCat("settled ", kB, " FAILURE_AMBIGUOUS")}));
  EXPECT_EQ(queue->WriteNext().id, kC);
  EXPECT_FALSE(queue->any_waits());
}

TEST_F(TellQueueTest, OnceAClaudeIsReadyNothingElseMayHaveBeenRead) {
  Offer(kA);
  queue->WriteNext();
  Recover();
  Offer(kA, /*repeat=*/true);
  SettleLost();
  queue->OnChildReady();
  queue->SettleMaybeRead(MakeFailure(v1::FAILURE_AMBIGUOUS, "it may have been read"));
  EXPECT_EQ(queue->WriteNext().id, kA);
}

TEST_F(TellQueueTest, OneWhoseTextDiedWaitsForIt) {
  Offer(kA);
  Recover();
  EXPECT_FALSE(queue->any_waits());
  v1::SessionInfo info;
  queue->Describe(info);
  EXPECT_EQ(info.tells_waiting(), 1u);
  EXPECT_EQ(Offer(kA, /*repeat=*/true), Offered::kWaits);
  queue->AskTranscript();
  EXPECT_EQ(queue->WriteNext().text, "text of a");
}

TEST_F(TellQueueTest, ALostTellIsCancelledWithItsChild) {
  Offer(kA);
  queue->WriteNext();
  Recover();
  std::string was;
  EXPECT_TRUE(queue->Cancel(kA, [&was](const absl::StatusOr<TellQueue::Phase>& phase) {
    was = v1::TellState::Phase_Name(*phase);
  }));
  EXPECT_TRUE(queue->is_cancelling_lost());
  EXPECT_EQ(was, "");
  SettleLost();
  EXPECT_EQ(was, "WRITTEN");
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_CANCELLED"));
}

TEST_F(TellQueueTest, TextsAreHandedOver) {
  Offer(kA);
  queue->WriteNext();
  Offer(kB);
  handover::Session state;
  queue->HandOver(state);
  queue.reset();
  replay.reset();
  NextAgent();
  Begin();
  queue->RecoverBeside(kA);
  queue->TakeTexts(state);
  EXPECT_EQ(queue->WriteNext().text, "text of b");
}

TEST(TellQueueDeathTest, NothingIsWrittenWhereNothingWaits) {
  struct Scene : TellQueueTest {
    void TestBody() override {}
    void Write() { queue->WriteNext(); }
  };
  EXPECT_DEATH(Scene().Write(), "none waits");
}

TEST(TellQueueDeathTest, NothingIsWrittenBeforeItsTranscriptWasAsked) {
  struct Scene : TellQueueTest {
    void TestBody() override {}
    void Write() {
      Offer(kA, /*repeat=*/true);
      queue->WriteNext();
    }
  };
  EXPECT_DEATH(Scene().Write(), "before the transcript was asked");
}

// Its sender is late, and others have made this host forget it.
TEST_F(TellQueueTest, ATellThatIsToBeSettledAgainAndIsForgottenMayComeAnew) {
  Offer(kA);
  queue->WriteNext();
  queue->Settle(kA, absl::OkStatus());
  EXPECT_EQ(Offer(kA), Offered::kAsks);  // When the turn that is under way has ended.
  for (size_t i = 0; i < TellLedger::kSettledKept; ++i) queue->Settle(NewUuid(), absl::OkStatus());
  EXPECT_EQ(Offer(kA), Offered::kWaits);
  queue->AskTranscript();
  EXPECT_EQ(queue->PhaseOf(kA), v1::TellState::ACCEPTED);
  EXPECT_EQ(queue->WriteNext().id, kA);
}

// ------------------------------------------------------------- where a transcript takes a while

// Another thread reads it.
class TellQueueWaitsTest : public TellQueueTest {
 protected:
  TellQueueWaitsTest() {
    work = &held;
    queue.reset();
    Begin();
  }
  HeldWork held;
};

TEST_F(TellQueueWaitsTest, OneTellAfterTheOtherIsLookedUp) {
  Transcribe(kA, /*ended=*/true);
  Offer(kA, /*repeat=*/true);
  Offer(kB, /*repeat=*/true);
  queue->AskTranscript();
  queue->AskTranscript();
  EXPECT_TRUE(queue->is_asking());
  EXPECT_EQ(held.waiting(), 1u);
  held.DoOne();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(queue->PhaseOf(kA), v1::TellState::SETTLED);
  EXPECT_FALSE(queue->is_asking());
  queue->AskTranscript();
  held.DoOne();
  EXPECT_EQ(asked, 2);
  queue->AskTranscript();
  EXPECT_FALSE(queue->is_asking());
  EXPECT_EQ(queue->WriteNext().id, kB);
}

TEST_F(TellQueueWaitsTest, WhatIsCancelledMeanwhileIsNotSettledTwice) {
  Transcribe(kA, /*ended=*/true);
  Offer(kA, /*repeat=*/true);
  queue->AskTranscript();
  CancelOf(kA);
  const std::vector<std::string> before = Story();
  held.DoOne();
  EXPECT_EQ(Story(), before);
  EXPECT_FALSE(queue->any_waits());
  EXPECT_EQ(asked, 1);
}

TEST_F(TellQueueWaitsTest, WhatCannotBeLookedUpInTimeIsNotRun) {
  Offer(kA, /*repeat=*/true);
  queue->AskTranscript();
  held.BeLate();
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_AMBIGUOUS"));
  EXPECT_FALSE(queue->any_waits());
}

// Written by an agent that was killed, and its child is gone.
class TellQueueLostTest : public TellQueueWaitsTest {
 protected:
  void Lose(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) Offer(id);
    for (size_t i = 0; i < ids.size(); ++i) queue->WriteNext();
    Recover();
  }
};

TEST_F(TellQueueLostTest, LostTellsAreLookedUpOneAfterTheOther) {
  Lose({kA, kB});
  Offer(kC, /*repeat=*/true);
  Transcribe(kA, /*ended=*/true);
  EXPECT_FALSE(queue->is_settling_lost());
  SettleLost();
  EXPECT_TRUE(queue->is_settling_lost());
  EXPECT_EQ(held.waiting(), 1u);
  EXPECT_EQ(queue->PhaseOf(kA), v1::TellState::WRITTEN);
  held.DoOne();
  EXPECT_EQ(queue->PhaseOf(kA), v1::TellState::SETTLED);
  EXPECT_EQ(asked, 1);
  queue->AskTranscript();
  EXPECT_EQ(queue->PhaseOf(kB), v1::TellState::WRITTEN);
  held.DoOne();
  EXPECT_FALSE(queue->is_settling_lost());
  EXPECT_EQ(queue->PhaseOf(kB), v1::TellState::ACCEPTED);  // Its text comes again.
  EXPECT_EQ(Story().back(), "settled " + kA);
  // It is its turn now.
  queue->AskTranscript();
  held.DoOne();
  EXPECT_EQ(queue->WriteNext().id, kC);
}

TEST_F(TellQueueLostTest, TheirOrderIsKept) {
  Lose({kA, kB});
  Offer(kC);
  Offer(kA, /*repeat=*/true);
  SettleLost();
  // Also of a text that comes while the tell is looked up.
  Offer(kB, /*repeat=*/true);
  held.DoOne();
  queue->AskTranscript();
  held.DoOne();
  for (const std::string& id : {kA, kB, kC}) EXPECT_EQ(queue->WriteNext().id, id);
}

TEST_F(TellQueueLostTest, OneThatIsCancelledMeanwhileEndsNoChild) {
  Lose({kA});
  SettleLost();
  std::string was;
  EXPECT_FALSE(queue->Cancel(kA, [&was](const absl::StatusOr<TellQueue::Phase>& phase) {
    was = v1::TellState::Phase_Name(*phase);
  }));
  EXPECT_EQ(was, "");
  held.DoOne();
  EXPECT_EQ(was, "WRITTEN");
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_CANCELLED"));
}

TEST_F(TellQueueLostTest, OneThatIsClosedMeanwhileIsCancelledUnlessItWasAnswered) {
  Lose({kA, kB});
  Transcribe(kA, /*ended=*/true);
  SettleLost();
  queue->SettleLost(/*closed=*/true);
  held.DoOne();
  queue->AskTranscript();
  held.DoOne();
  EXPECT_THAT(Story(),
              IsSupersetOf({"settled " + kA, absl::StrCat("settled ", kB, " FAILURE_CANCELLED")}));
}

TEST_F(TellQueueLostTest, OneThatCannotBeLookedUpInTimeIsNotRun) {
  Lose({kA});
  SettleLost();
  held.BeLate();
  EXPECT_FALSE(queue->is_settling_lost());
  EXPECT_EQ(Story().back(), absl::StrCat("settled ", kA, " FAILURE_AMBIGUOUS"));
}

}  // namespace
}  // namespace iris
