#include "coordinator/orchestrator/arrivals.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Listener : public TellObserver {
 public:
  void OnAccepted(const std::string&) override {}
  void OnProgress(const v1::TellProgress&) override {}
  void OnSettled(const TellOutcome&) override {}
  void OnRefused(const absl::Status& why) override { refused = why; }

  absl::Status refused;
};

// The store's writes go on as the test says; two callers may wait behind an arrival.
class ArrivalsTest : public ::testing::Test, protected ArrivalOwner {
 protected:
  absl::Status CheckSpec(const TellSpec& spec) override {
    return spec.text.empty() ? MakeFailure(v1::FAILURE_BAD_REQUEST, "empty") : absl::OkStatus();
  }
  absl::Status OnKnown(StoredTell stored, const TellSpec&, TellObserver*) override {
    heard_.push_back(stored.tell_id + " is known");
    return absl::OkStatus();
  }
  absl::StatusOr<NewTell> Admit(TellSpec& spec) override {
    if (!admits_.ok()) return admits_;
    return NewTell{.tell_id = spec.tell_id,
                   .session_id = session_id_,
                   .text = std::move(spec.text),
                   .state = state_};
  }
  absl::Status OnWritten(NewTell tell, TellSpec&, TellObserver* observer) override {
    EXPECT_EQ(arrivals_.BeingStoredFor(session_id_), 0u) << "it is in its line from now on";
    EXPECT_TRUE(arrivals_.IsBeingStored(tell.tell_id)) << "and nobody has heard of it";
    heard_.push_back(tell.tell_id +
                     (observer == nullptr ? " is written for nobody" : " is written"));
    return taken_;
  }
  absl::Status OnDurable(const std::string& tell_id, TellObserver*) override {
    heard_.push_back(tell_id + " is durable");
    return absl::OkStatus();
  }

  // Of somebody who waits for the answer.
  static TellSpec Spec(const std::string& tell_id) {
    return {.tell_id = tell_id, .text = "text", .asker_waits = true};
  }
  // The oldest write is written.
  void Write() {
    executor_.RunNext();
    while (loop_.RunReady()) {
    }
  }

  absl::Duration up_ = absl::Hours(1);
  EventLoop loop_{[this] { return up_; }};
  MemoryStore file_;
  const std::string session_id_ = file_.GetOrCreateSession("cli", "app")->session_id;
  HeldExecutor executor_;
  StoreQueue store_{loop_, file_, executor_};
  absl::Status admits_, taken_;
  TellState state_ = TellState::kQueued;  // Of what is admitted.
  std::vector<std::string> heard_;
  Listener listener_, other_;
  Arrivals arrivals_{store_, *this, /*waiting_max=*/2};
};

TEST_F(ArrivalsTest, ANewTellIsStoredBeforeItIsAccepted) {
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  EXPECT_FALSE(arrivals_.IsBeingStored("one"));
  Write();
  EXPECT_TRUE(arrivals_.IsBeingStored("one"));
  EXPECT_EQ(arrivals_.BeingStoredFor(session_id_), 1u);
  EXPECT_THAT(heard_, IsEmpty());
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is written", "one is durable"));
  EXPECT_TRUE(file_.IsSynced());
  EXPECT_EQ(arrivals_.BeingStoredFor(session_id_), 0u);
  EXPECT_TRUE(arrivals_.empty());
  EXPECT_EQ((*file_.FindTell("one"))->text, "text");
}

TEST_F(ArrivalsTest, ATellThatTheStoreHasIsKnown) {
  ASSERT_TRUE(file_.AddTell("one", session_id_, "text").ok());
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is known"));
  EXPECT_TRUE(arrivals_.empty());
}

TEST_F(ArrivalsTest, WhatMayNotComeIsRefusedAtOnce) {
  EXPECT_EQ(KindOf(arrivals_.Take({.tell_id = "one"}, &listener_)), v1::FAILURE_BAD_REQUEST);
  EXPECT_TRUE(arrivals_.empty());
  EXPECT_TRUE(listener_.refused.ok());
}

TEST_F(ArrivalsTest, WhatIsNotAdmittedIsRefusedAndNotStored) {
  admits_ = MakeFailure(v1::FAILURE_BUSY_LIMIT, "full");
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  Write();
  EXPECT_EQ(KindOf(listener_.refused), v1::FAILURE_BUSY_LIMIT);
  EXPECT_EQ(executor_.waiting(), 0u);
  EXPECT_TRUE(arrivals_.empty());
}

TEST_F(ArrivalsTest, WhatCannotBeStoredIsRefused) {
  file_.set_on_write([](absl::string_view) { return MemoryStore::Fate::kFails; });
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  Write();
  Write();
  EXPECT_EQ(KindOf(listener_.refused), v1::FAILURE_STORAGE);
  EXPECT_THAT(heard_, IsEmpty());
  EXPECT_EQ(arrivals_.BeingStoredFor(session_id_), 0u);
}

TEST_F(ArrivalsTest, TheSameIdWaitsBehindTheFirstAndIsKnownThen) {
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &other_).ok());
  for (int i = 0; i < 3; ++i) Write();
  EXPECT_THAT(heard_, ElementsAre("one is written", "one is durable", "one is known"));
}

TEST_F(ArrivalsTest, NoMoreThanSoManyWaitBehindOne) {
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  bool done = false;
  EXPECT_TRUE(arrivals_.WaitBehind("one", [&done] { done = true; }).ok());
  EXPECT_TRUE(arrivals_.Take(Spec("one"), &other_).ok());
  EXPECT_EQ(KindOf(arrivals_.WaitBehind("one", [] {})), v1::FAILURE_BUSY_LIMIT);
  EXPECT_EQ(KindOf(arrivals_.Take(Spec("one"), &other_)), v1::FAILURE_BUSY_LIMIT);
  Write();
  EXPECT_FALSE(done);
  Write();
  EXPECT_TRUE(done);
}

TEST_F(ArrivalsTest, WhoHasGoneHearsNothingAndTheTellGoesOn) {
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &other_).ok());
  arrivals_.Forget("one", &listener_);
  arrivals_.Forget("one", &other_);
  for (int i = 0; i < 3; ++i) Write();
  EXPECT_THAT(heard_, ElementsAre("one is written for nobody"));
  EXPECT_TRUE(arrivals_.empty());
}

TEST_F(ArrivalsTest, WhatItsTeamGetsAtOnceIsDurableAMomentAfterItIsWritten) {
  state_ = TellState::kRunning;
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  Write();
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is written"));
  EXPECT_TRUE(arrivals_.IsBeingStored("one"));
  EXPECT_FALSE(file_.IsSynced());
  int asked = 0;
  arrivals_.ForEachBeingStored([&](const TellSpec&, const std::string&) { ++asked; });
  EXPECT_EQ(asked, 0) << "it is in its line";
  EXPECT_EQ(executor_.waiting(), 0u);
  up_ += StoreQueue::kSyncWithin;
  while (loop_.RunReady()) {
  }
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is written", "one is durable"));
  EXPECT_TRUE(arrivals_.empty());
}

TEST_F(ArrivalsTest, WhoDoesNotWaitForTheAnswerHearsAtOnceThatItIsDurable) {
  state_ = TellState::kRunning;
  TellSpec spec = Spec("one");
  spec.asker_waits = false;
  ASSERT_TRUE(arrivals_.Take(spec, &listener_).ok());
  Write();
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is written"));
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is written", "one is durable"));
}

TEST_F(ArrivalsTest, WhatComesForAnIdThatIsNotDurableYetWaitsForThat) {
  state_ = TellState::kRunning;
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  Write();
  Write();
  ASSERT_TRUE(arrivals_.Has("one"));
  ASSERT_TRUE(arrivals_.WaitBehind("one", [this] { heard_.push_back("cancelled"); }).ok());
  arrivals_.Forget("one", &listener_);
  store_.Finish();
  EXPECT_THAT(heard_, ElementsAre("one is written", "cancelled"));
  EXPECT_TRUE(arrivals_.empty());
}

TEST_F(ArrivalsTest, WhatIsNotTakenOnceItIsWrittenIsRefusedAndNobodyFollowsIt) {
  state_ = TellState::kRunning;
  taken_ = MakeFailure(v1::FAILURE_DROPPED, "leaving");
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  store_.Finish();
  store_.Finish();
  EXPECT_EQ(KindOf(listener_.refused), v1::FAILURE_DROPPED);
  EXPECT_THAT(heard_, ElementsAre("one is written"));
}

// Its disk does not say that it has what was written.
TEST_F(ArrivalsTest, WhoWaitsAtTheEndOfALifeIsRefused) {
  state_ = TellState::kRunning;
  file_.set_on_write([](absl::string_view method) {
    return method == "Sync" ? MemoryStore::Fate::kFails : MemoryStore::Fate::kGoesWell;
  });
  ASSERT_TRUE(arrivals_.Take(Spec("one"), &listener_).ok());
  store_.Finish();
  store_.Finish();
  EXPECT_TRUE(listener_.refused.ok());
  arrivals_.Leave(MakeFailure(v1::FAILURE_DROPPED, "leaving"));
  EXPECT_EQ(KindOf(listener_.refused), v1::FAILURE_DROPPED);
  EXPECT_TRUE(arrivals_.empty());
  up_ += StoreQueue::kSyncAgain;
  file_.set_on_write(nullptr);
  while (loop_.RunReady()) {
  }
  Write();
  EXPECT_THAT(heard_, ElementsAre("one is written"));
}

}  // namespace
}  // namespace iris
