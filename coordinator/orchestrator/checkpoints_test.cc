#include "coordinator/orchestrator/checkpoints.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/loop/event_loop.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using Fate = MemoryStore::Fate;

ReadMark Mark(uint64_t seq) { return {.journal_id = "journal", .seq = seq}; }

// Two sessions, each with a tell that is under way.
class CheckpointsTest : public ::testing::Test, protected CheckpointOwner {
 protected:
  CheckpointsTest() {
    for (const std::string to : {"app", "web"}) {
      const std::string session_id = file_.GetOrCreateSession("cli", to)->session_id;
      sessions_[to] = session_id;
      EXPECT_TRUE(file_.AddTell(to + "-tell", session_id, "text", TellState::kRunning).ok());
      texts_[session_id] = {.tell_id = to + "-tell"};
    }
    file_.set_on_write([this](absl::string_view) {
      if (fates_.empty()) return Fate::kGoesWell;
      const Fate fate = fates_.front();
      fates_.erase(fates_.begin());
      return fate;
    });
  }

  absl::optional<UnsavedText> UnsavedTextOf(const std::string& session_id) override {
    return texts_[session_id];
  }
  std::variant<TellEnd, Postponement> OutcomeOf(const std::string& tell_id) override {
    if (const auto put_off = put_off_until_.find(tell_id); put_off != put_off_until_.end()) {
      return Postponement{tell_id, put_off->second, 1};
    }
    auto answer = std::make_shared<const std::string>("the answer");
    const Settlement settlement{.tell_id = tell_id, .answer = *answer};
    return TellEnd{.settlement = settlement, .answer = std::move(answer)};
  }
  void OnMarkStored(const std::string& session_id, const ReadMark& mark) override {
    acknowledged_[session_id] = mark;
  }
  void OnTextStored(const std::string& tell_id, size_t bytes, uint64_t round) override {
    heard_.push_back(tell_id + " has " + std::to_string(bytes) + " more of round " +
                     std::to_string(round));
  }
  void OnPutOffStored(const std::string& tell_id) override {
    heard_.push_back(tell_id + " is put off");
  }
  void OnEndsStored(const std::vector<std::string>& tell_ids) override {
    for (const std::string& tell_id : tell_ids) heard_.push_back(tell_id + " is over");
  }
  void OnNotStored(const std::string&, const std::vector<std::string>& ended,
                   const absl::Status&) override {
    for (const std::string& tell_id : ended) heard_.push_back(tell_id + " is not stored");
  }

  void Pass(absl::Duration time) {
    up_ += time;
    while (loop_.RunReady()) {
    }
  }
  // Everything that is to be written is.
  void Write() {
    Pass(absl::ZeroDuration());
    store_.Finish();
    Pass(absl::ZeroDuration());
    store_.Finish();
  }
  void End(const std::string& to) {
    texts_[sessions_[to]] = absl::nullopt;
    checkpoints_.End(sessions_[to], to + "-tell");
  }
  TellState StateOf(const std::string& tell_id) { return (*file_.FindTell(tell_id))->state; }

  absl::Duration up_ = absl::Hours(1);
  EventLoop loop_{[this] { return up_; }};
  MemoryStore file_;
  std::vector<Fate> fates_;  // Of the next writes; behind them all go well.
  HeldExecutor executor_;
  StoreQueue store_{loop_, file_, executor_};
  std::map<std::string, std::string> sessions_;  // By team.
  std::map<std::string, absl::optional<UnsavedText>> texts_;
  std::map<std::string, absl::Time> put_off_until_;
  std::map<std::string, ReadMark> acknowledged_;
  std::vector<std::string> heard_;
  Checkpoints checkpoints_{loop_, store_, *this};
};

TEST_F(CheckpointsTest, WhatWasReadIsStoredAfterAMomentWithTheTextOfTheTell) {
  texts_[sessions_["app"]]->text = "half";
  texts_[sessions_["app"]]->round = 3;
  checkpoints_.Read(sessions_["app"], Mark(1));
  checkpoints_.Read(sessions_["app"], Mark(2));
  Pass(Checkpoints::kEvery - absl::Milliseconds(1));
  EXPECT_EQ(executor_.waiting(), 0u);
  Pass(absl::Milliseconds(1));
  Write();
  EXPECT_EQ(acknowledged_[sessions_["app"]], Mark(2));
  EXPECT_EQ(*file_.FindText("app-tell"), "half");
  EXPECT_THAT(heard_, ElementsAre("app-tell has 4 more of round 3"));
}

TEST_F(CheckpointsTest, AnEndIsStoredAtOnceWithTheMarkBehindIt) {
  End("app");
  checkpoints_.Read(sessions_["app"], Mark(7));
  Write();
  EXPECT_THAT(heard_, ElementsAre("app-tell is over"));
  EXPECT_EQ(acknowledged_[sessions_["app"]], Mark(7));
  EXPECT_EQ(StateOf("app-tell"), TellState::kSettled);
}

TEST_F(CheckpointsTest, ATellThatIsPutOffIsQueuedAgain) {
  put_off_until_["app-tell"] = absl::FromUnixSeconds(100);
  End("app");
  Write();
  EXPECT_THAT(heard_, ElementsAre("app-tell is put off"));
  EXPECT_EQ(StateOf("app-tell"), TellState::kQueued);
}

TEST_F(CheckpointsTest, WhatComesWhileASessionIsStoredIsStoredBehindThat) {
  checkpoints_.Read(sessions_["app"], Mark(1));
  Pass(Checkpoints::kEvery);
  ASSERT_EQ(executor_.waiting(), 1u);
  checkpoints_.Read(sessions_["app"], Mark(2));
  Pass(Checkpoints::kEvery);
  EXPECT_EQ(executor_.waiting(), 1u);
  executor_.RunNext();
  Pass(absl::ZeroDuration());
  EXPECT_EQ(acknowledged_[sessions_["app"]], Mark(1));
  Write();
  EXPECT_EQ(acknowledged_[sessions_["app"]], Mark(2));
}

TEST_F(CheckpointsTest, OneThatDoesNotFitHoldsUpNobodyAndIsTriedAgain) {
  fates_ = {Fate::kFails, Fate::kFails, Fate::kFails};  // Twice both together, and one alone.
  End("app");
  End("web");
  Write();
  ASSERT_EQ(heard_.size(), 2u);
  EXPECT_EQ(
      (StateOf("app-tell") == TellState::kSettled) + (StateOf("web-tell") == TellState::kSettled),
      1);
  heard_.clear();
  Pass(Checkpoints::kAgain);
  Write();
  EXPECT_EQ(heard_.size(), 1u);
  EXPECT_EQ(StateOf("app-tell"), TellState::kSettled);
  EXPECT_EQ(StateOf("web-tell"), TellState::kSettled);
}

TEST_F(CheckpointsTest, AMarkThatWasNotStoredGivesWayToANewerOne) {
  fates_ = {Fate::kFails};
  checkpoints_.Read(sessions_["app"], Mark(1));
  Pass(Checkpoints::kEvery);
  Write();
  EXPECT_EQ(acknowledged_.count(sessions_["app"]), 0u);
  checkpoints_.Read(sessions_["app"], Mark(2));
  Pass(Checkpoints::kAgain);
  Write();
  EXPECT_EQ(acknowledged_[sessions_["app"]], Mark(2));
}

TEST_F(CheckpointsTest, WhatIsForgottenIsNotStored) {
  End("app");
  checkpoints_.Read(sessions_["web"], Mark(1));
  checkpoints_.Forget();
  Pass(Checkpoints::kEvery);
  Write();
  EXPECT_EQ(StateOf("app-tell"), TellState::kRunning);
  EXPECT_TRUE(acknowledged_.empty());
}

}  // namespace
}  // namespace iris
