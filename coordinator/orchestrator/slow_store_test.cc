// A store that takes its time, fails, or fails though it is durable: what the loop does meanwhile.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/slow_store_fixture.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/testing/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Fate = MemoryStore::Fate;

TEST_F(SlowStoreTest, ATellIsAcceptedWhenItIsStoredAndNotSentBefore) {
  Recorder recorder;
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();  // Whether it is known is asked first.
  EXPECT_EQ(recorder.session_id, "");
  EXPECT_EQ(KindOf(orchestrator_->Find(spec.tell_id, "cli").status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_FALSE(orchestrator_->idle());
  executor_.RunNext();
  EXPECT_TRUE((*file_.FindTell(spec.tell_id)).has_value());
  EXPECT_EQ(recorder.session_id, "");
  EXPECT_THAT(Transport().open_tells(), SizeIs(0));
  RunLoop();
  EXPECT_NE(recorder.session_id, "");
  EXPECT_THAT(Transport().open_tells(), SizeIs(1));
}

// Here, since a loop that stores 8 MiB itself takes too long.
TEST_F(SlowStoreTest, TheLongestMessageIsTakenAndSoIsAnAnswerOfItsLength) {
  Recorder recorder;
  TellSpec spec = ToGpu();
  spec.text = std::string(kTellBytesMax, 'x');
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  StoreAll();
  ASSERT_TRUE(Transport().has_given(spec.tell_id));
  Answer(spec.tell_id, std::string(kTellBytesMax, 'y'), 1);
  StoreAll();
  ASSERT_EQ(recorder.times_settled, 1);
  EXPECT_TRUE(recorder.outcome.status.ok()) << recorder.outcome.status;
  EXPECT_EQ(recorder.outcome.answer->size(), kTellBytesMax);
}

TEST_F(SlowStoreTest, ATellThatCannotBeStoredIsRefusedAndNotSent) {
  Recorder recorder;
  ASSERT_TRUE(orchestrator_->Tell(ToGpu(), &recorder).ok());
  Write();  // It is not known.
  fate_ = Fate::kFails;
  store_.Finish();
  RunLoop();
  EXPECT_EQ(recorder.session_id, "");
  EXPECT_EQ(recorder.times_settled, 1);
  EXPECT_EQ(KindOf(recorder.outcome.status), v1::FAILURE_STORAGE);
  EXPECT_TRUE(orchestrator_->idle());
  EXPECT_THAT(Transport().open_tells(), SizeIs(0));
}

TEST_F(SlowStoreTest, ATellThatIsSubmittedAgainWhileItIsStoredIsOne) {
  Recorder first, again;
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &first).ok());
  Write();
  ASSERT_TRUE(orchestrator_->Tell(spec, &again).ok());
  store_.Finish();
  RunLoop();
  EXPECT_THAT(Transport().open_tells(), SizeIs(1));
  Answer(spec.tell_id, "yes", 1);
  store_.Finish();
  EXPECT_EQ(first.times_settled, 1);
  EXPECT_EQ(again.times_settled, 1);
  EXPECT_EQ(again.session_id, first.session_id);
}

TEST_F(SlowStoreTest, WhoGoesWhileItsTellIsStoredHearsNothingAndTheTellGoesOn) {
  const TellSpec spec = ToGpu();
  {
    Recorder recorder;
    ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
    Write();
    orchestrator_->RemoveObserver(spec.tell_id, &recorder);
  }
  StoreAll();
  EXPECT_TRUE(Transport().has_given(spec.tell_id));
}

TEST_F(SlowStoreTest, ASessionThatWasNotReadyGetsItsTellOnceItIsStoredAsRunning) {
  Recorder recorder;
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  Write();
  ASSERT_NE(recorder.session_id, "");
  EXPECT_FALSE(Transport().has_given(spec.tell_id));
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kQueued);
  executor_.RunNext();
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kRunning);
  EXPECT_FALSE(Transport().has_given(spec.tell_id));
  RunLoop();
  EXPECT_TRUE(Transport().has_given(spec.tell_id));
}

TEST_F(SlowStoreTest, ATellThatIsTakenBackWhileItIsMarkedIsQueuedInTheStore) {
  Recorder recorder;
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  Write();
  ASSERT_EQ(executor_.waiting(), 1u);
  Transport().BeAway({.why = MakeFailure(v1::FAILURE_UNREACHABLE, "no route"),
                      .retries = true,
                      .host_is_known = true});
  RunLoop();
  store_.Finish();
  RunLoop();
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kQueued);
  EXPECT_FALSE(Transport().has_given(spec.tell_id));
  Transport().BeBack();
  StoreAll();
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kRunning);
  EXPECT_TRUE(Transport().has_given(spec.tell_id));
}

TEST_F(SlowStoreTest, WhatIsCancelledWhileItIsStoredIsCancelledBehindThat) {
  Recorder recorder;
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  absl::StatusOr<v1::CancelTellOfResponse> said = absl::UnknownError("nothing yet");
  orchestrator_->Cancel(
      spec.tell_id, "cli",
      [&said](const absl::StatusOr<v1::CancelTellOfResponse>& response) { said = response; });
  for (int i = 0; i < 3; ++i) {
    store_.Finish();
    RunLoop();
  }
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_EQ(KindOf(recorder.outcome.status), v1::FAILURE_CANCELLED);
  EXPECT_FALSE(Transport().has_given(spec.tell_id));
}

TEST_F(SlowStoreTest, AWarmSessionGetsItsTellWithoutReadingItAgain) {
  Recorder first, second;
  Answer(Running(first), "yes", 1);
  store_.Finish();
  RunLoop();
  const int found = file_.found();
  const std::string id = Running(second);
  EXPECT_EQ(file_.found(), found);
  EXPECT_THAT(Transport().tells_under_way(), SizeIs(1));
  EXPECT_EQ(Transport().tells_under_way()[0].text, "x");
  EXPECT_EQ(StateOf(id), TellState::kRunning);
}

// Its way to the team does not wait for the disk; what is said of it does.
TEST_F(SlowStoreTest, AWarmSessionGetsItsTellBeforeItIsDurableAndNobodyHearsOfItBefore) {
  Warm();
  Recorder recorder, other;
  TellSpec spec = ToGpu();
  spec.asker_waits = true;
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  executor_.RunNext();
  EXPECT_FALSE(Transport().has_given(spec.tell_id)) << "not before it outlives this process";
  RunLoop();
  EXPECT_TRUE(Transport().has_given(spec.tell_id));
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kRunning);
  EXPECT_FALSE(file_.IsSynced());
  EXPECT_EQ(recorder.session_id, "");
  EXPECT_EQ(KindOf(orchestrator_->Find(spec.tell_id, "cli").status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(orchestrator_->Follow(spec.tell_id, "cli", &other)), v1::FAILURE_BAD_REQUEST);
  Transport().Progress({.text = "works"});
  EXPECT_TRUE(recorder.texts.empty());
  Pass(StoreQueue::kSyncWithin);
  Write();
  EXPECT_TRUE(file_.IsSynced());
  EXPECT_NE(recorder.session_id, "");
  EXPECT_THAT(recorder.texts, Contains(HasSubstr("works")));
  EXPECT_TRUE(orchestrator_->Find(spec.tell_id, "cli").ok());
}

TEST_F(SlowStoreTest, ATellThatIsAnsweredAtOnceWaitsForTheDiskOnce) {
  Warm();
  std::vector<std::string> methods;
  file_.set_on_write([&methods](absl::string_view method) {
    methods.emplace_back(method);
    return Fate::kGoesWell;
  });
  Recorder recorder;
  TellSpec spec = ToGpu();
  spec.asker_waits = true;
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  Write();
  Answer(spec.tell_id, "yes", 9);
  EXPECT_EQ(recorder.session_id, "");
  Write();
  EXPECT_NE(recorder.session_id, "") << "and that before the answer";
  EXPECT_EQ(recorder.times_settled, 1);
  orchestrator_->MarkFetched(spec.tell_id);
  Write();
  Pass(StoreQueue::kSyncWithin);
  StoreAll();
  EXPECT_THAT(methods, ElementsAre("TogetherUnsynced", "Save", "TogetherUnsynced"));
}

TEST_F(SlowStoreTest, WhatAWarmSessionGetsIsRefusedWhereItCannotBeWritten) {
  Warm();
  Recorder recorder;
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  fate_ = Fate::kFails;
  StoreAll();
  EXPECT_EQ(KindOf(recorder.outcome.status), v1::FAILURE_STORAGE);
  EXPECT_FALSE(Transport().has_given(spec.tell_id));
  EXPECT_TRUE(orchestrator_->idle());
}

TEST_F(SlowStoreTest, WhatIsCancelledBeforeItIsDurableIsCancelledBehindThat) {
  Warm();
  Recorder recorder;
  TellSpec spec = ToGpu();
  spec.asker_waits = true;
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  Write();
  bool is_cancelled = false;
  orchestrator_->Cancel(spec.tell_id, "cli",
                        [&](const absl::StatusOr<v1::CancelTellOfResponse>& response) {
                          is_cancelled = response.ok();
                        });
  EXPECT_FALSE(is_cancelled);
  StoreAll();
  EXPECT_TRUE(is_cancelled);
  EXPECT_EQ(KindOf(recorder.outcome.status), v1::FAILURE_CANCELLED);
}

TEST_F(SlowStoreTest, WhatAWarmSessionWasToGetAndDoesNotIsStoredAsQueued) {
  Recorder warms, lost;
  Answer(Running(warms), "yes", 1);
  store_.Finish();
  RunLoop();
  const TellSpec spec = ToGpu();
  ASSERT_TRUE(orchestrator_->Tell(spec, &lost).ok());
  Write();
  executor_.RunNext();
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kRunning);
  factory_.hosts().hold_starts = true;
  Transport().GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "killed"));
  RunLoop();
  store_.Finish();
  EXPECT_EQ(StateOf(spec.tell_id), TellState::kQueued);
}

TEST_F(SlowStoreTest, NothingIsSaidNorAcknowledgedBeforeItIsStored) {
  Recorder recorder;
  const std::string id = Running(recorder);
  Answer(id, "the answer", 9);
  EXPECT_EQ(recorder.times_settled, 0);
  EXPECT_EQ(Transport().acknowledged(), ReadMark());
  EXPECT_EQ(StateOf(id), TellState::kRunning);
  executor_.RunNext();
  EXPECT_EQ(StateOf(id), TellState::kSettled);
  EXPECT_EQ(recorder.times_settled, 0) << "only on the loop";
  RunLoop();
  EXPECT_EQ(recorder.times_settled, 1);
  EXPECT_EQ(*recorder.outcome.answer, "the answer");
  EXPECT_EQ(Transport().acknowledged(), Mark(9));
}

TEST_F(SlowStoreTest, TheNextMessageOfTheSessionWaitsForTheEndOfTheOneBeforeAndNobodyElseDoes) {
  Recorder a, b, c;
  const std::string first = Running(a), other = Running(c, "backend");
  const std::string next = NewUuid();
  ASSERT_TRUE(
      orchestrator_->Tell({.tell_id = next, .from = "cli", .to = "gpu", .text = "y"}, &b).ok());
  store_.Finish();
  RunLoop();
  Answer(first, "one", 1);
  Answer(other, "two", 1, "backend");
  EXPECT_FALSE(Transport().has_given(next));
  int listed = 0;
  orchestrator_->List("", false, [&](const auto& list) { listed = list->tells_size(); });
  EXPECT_EQ(listed, 0) << "the loop goes on";
  store_.Finish();
  RunLoop();
  store_.Finish();
  RunLoop();
  EXPECT_EQ(listed, 3);
  EXPECT_EQ(a.times_settled + c.times_settled, 2);
  EXPECT_TRUE(Transport().has_given(next));
}

TEST_F(SlowStoreTest, WhatComesWhileASessionIsStoredIsStoredBehindIt) {
  Recorder recorder;
  const std::string id = Running(recorder);
  Transport().Text(id, "one ");
  Transport().BeReadUpTo(Mark(1));
  Pass(absl::Milliseconds(50));
  ASSERT_EQ(executor_.waiting(), 1u);
  Transport().Text(id, "two");
  Transport().BeReadUpTo(Mark(2));
  Pass(absl::Milliseconds(50));
  Write();
  EXPECT_EQ(Transport().acknowledged(), Mark(1));
  EXPECT_EQ(*file_.FindText(id), "one ");
  Write();
  EXPECT_EQ(Transport().acknowledged(), Mark(2));
  EXPECT_EQ(*file_.FindText(id), "one two");
  EXPECT_EQ(executor_.waiting(), 0u);
}

TEST_F(SlowStoreTest, TextThatBecomesVoidWhileItIsStoredIsVoidInTheStore) {
  Recorder recorder;
  const std::string id = Running(recorder);
  Transport().Text(id, "half");
  Transport().BeReadUpTo(Mark(1));
  Pass(absl::Milliseconds(50));
  ASSERT_EQ(executor_.waiting(), 1u);
  Transport().TextVoid(id);
  Transport().Text(id, "whole");
  Transport().BeReadUpTo(Mark(2));
  Pass(absl::Milliseconds(50));
  Write();
  Write();
  EXPECT_EQ(*file_.FindText(id), "whole");
  Answer(id, " answer", 3);
  Write();
  EXPECT_EQ(*recorder.outcome.answer, "whole answer");
}

TEST_F(SlowStoreTest, WhatFailsIsTriedAgainAndNotAcknowledgedBefore) {
  Recorder recorder;
  const std::string id = Running(recorder);
  fate_ = Fate::kFails;
  Answer(id, "the answer", 9);
  store_.Finish();
  RunLoop();
  EXPECT_EQ(recorder.times_settled, 0);
  EXPECT_THAT(recorder.texts, Contains(HasSubstr("cannot be stored yet")));
  EXPECT_EQ(Transport().acknowledged(), ReadMark());
  fate_ = Fate::kGoesWell;
  Pass(absl::Seconds(1));
  store_.Finish();
  EXPECT_EQ(recorder.times_settled, 1);
  EXPECT_EQ(*recorder.outcome.answer, "the answer");
  EXPECT_EQ(Transport().acknowledged(), Mark(9));
}

TEST_F(SlowStoreTest, WhatIsThereThoughItIsSaidToHaveFailedIsSettledOnce) {
  Recorder recorder;
  const std::string id = Running(recorder);
  fate_ = Fate::kFailsButIsThere;
  Answer(id, "the answer", 9);
  store_.Finish();
  RunLoop();
  EXPECT_EQ(StateOf(id), TellState::kSettled);
  EXPECT_EQ(recorder.times_settled, 0);
  fate_ = Fate::kGoesWell;
  Pass(absl::Seconds(1));
  store_.Finish();
  EXPECT_EQ(recorder.times_settled, 1);
  EXPECT_EQ(*recorder.outcome.answer, "the answer");
  EXPECT_EQ((*file_.Sessions())[0].message_count, 1u);
}

TEST_F(SlowStoreTest, WhatSomebodyWasGivenIsNotOfferedWhileThatIsBeingStored) {
  Recorder recorder;
  const std::string id = Running(recorder);
  Answer(id, "the answer", 9);
  Write();
  ASSERT_THAT(*orchestrator_->Unfetched("cli"), SizeIs(1));
  orchestrator_->MarkFetched(id);
  EXPECT_FALSE((*file_.FindTell(id))->fetched);
  EXPECT_THAT(*orchestrator_->Unfetched("cli"), SizeIs(0));
  int listed = -1;
  orchestrator_->List("cli", false, [&](const auto& list) { listed = list->tells_size(); });
  EXPECT_TRUE(orchestrator_->Find(id, "cli")->fetched());
  Write();
  Write();
  EXPECT_EQ(listed, 0);
  EXPECT_TRUE((*file_.FindTell(id))->fetched);
}

TEST_F(SlowStoreTest, WhoLeavesStoresWhatWasRead) {
  Recorder settled, open;
  const std::string id = Running(settled), other = Running(open, "backend");
  Answer(id, "the answer", 9);
  Transport("backend").Text(other, "half");
  Transport("backend").BeReadUpTo(Mark(5));
  orchestrator_->Leave();
  EXPECT_TRUE(settled.outcome.status.ok());
  EXPECT_EQ(KindOf(open.outcome.status), v1::FAILURE_DROPPED);
  EXPECT_EQ(StateOf(id), TellState::kSettled);
  EXPECT_EQ(*file_.FindText(other), "half");
}

TEST_F(SlowStoreTest, WhatIsHeardOfLateFindsNobody) {
  Recorder recorder;
  const std::string id = Running(recorder);
  Answer(id, "the answer", 9);
  ASSERT_EQ(executor_.waiting(), 1u);
  orchestrator_.reset();  // As when its process is killed; the write is under way.
  Write();
  EXPECT_EQ(recorder.times_settled, 0);
  EXPECT_EQ(StateOf(id), TellState::kSettled);
}

}  // namespace
}  // namespace iris
