#include "coordinator/store/store_queue.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_thread.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Fate = MemoryStore::Fate;

class StoreQueueTest : public ::testing::Test {
 protected:
  StoreQueueTest() {
    store_.set_on_write([this](absl::string_view method) {
      methods_.emplace_back(method);
      if (fates_.empty()) return Fate::kGoesWell;
      const Fate fate = fates_.front();
      fates_.erase(fates_.begin());
      return fate;
    });
  }
  // Stores a tell with that text; what comes of it is heard as its name, or as "TEXT failed".
  void Post(const std::string& text, size_t bytes = 0) {
    queue_.Post([this, text](Store& store) { return store.AddTell(text, session_id_, text); },
                [this, text](const absl::Status& written) {
                  heard_.push_back(written.ok() ? text : absl::StrCat(text, " failed"));
                  if (!written.ok()) why_ = written;
                },
                bytes);
  }
  // The same unsynced: what is heard is its name, and then "TEXT is durable".
  void PostUnsynced(const std::string& text) {
    queue_.PostUnsynced(
        [this, text](Store& store) { return store.AddTell(text, session_id_, text); },
        [this, text](const absl::Status& written) {
          heard_.push_back(written.ok() ? text : absl::StrCat(text, " failed"));
        },
        [this, text] { heard_.push_back(absl::StrCat(text, " is durable")); });
  }
  void RunLoop() {
    while (loop_.RunReady()) {
    }
  }
  void Pass(absl::Duration time) {
    up_ += time;
    RunLoop();
  }
  void Write() {
    executor_.RunNext();
    RunLoop();
  }
  bool IsThere(const std::string& text) { return (*store_.FindTell(text)).has_value(); }

  absl::Duration up_ = absl::Hours(1);
  EventLoop loop_{[this] { return up_; }};
  MemoryStore store_;
  const std::string session_id_ = store_.GetOrCreateSession("cli", "gpu")->session_id;
  HeldExecutor executor_;
  StoreQueue queue_{loop_, store_, executor_};
  std::vector<Fate> fates_;           // Of the next writes; what is behind them goes well.
  std::vector<std::string> methods_;  // Of the store that wrote.
  std::vector<std::string> heard_;
  absl::Status why_;
};

TEST_F(StoreQueueTest, NobodyHearsOfAWriteBeforeItIsThereAndOnlyOnTheLoop) {
  Post("a");
  RunLoop();
  EXPECT_FALSE(IsThere("a"));
  EXPECT_THAT(heard_, IsEmpty());
  executor_.RunNext();
  EXPECT_TRUE(IsThere("a"));
  EXPECT_THAT(heard_, IsEmpty());
  RunLoop();
  EXPECT_THAT(heard_, ElementsAre("a"));
}

TEST_F(StoreQueueTest, WhatWaitsIsOneWrite) {
  for (const char* text : {"a", "b", "c"}) Post(text);
  EXPECT_EQ(executor_.waiting(), 1u);
  executor_.RunNext();
  RunLoop();
  EXPECT_THAT(methods_, ElementsAre("Together"));
  EXPECT_THAT(heard_, ElementsAre("a", "b", "c"));
}

TEST_F(StoreQueueTest, WhatIsAloneIsWrittenByItselfInItsPlace) {
  Post("a");
  queue_.Post(
      [this](Store& store) {
        EXPECT_TRUE(IsThere("a"));
        EXPECT_FALSE(IsThere("b"));
        store.ForgetUnsaved();
        return absl::OkStatus();
      },
      [this](const absl::Status&) { heard_.push_back("alone"); }, /*bytes=*/0,
      StoreQueue::Company::kNone);
  Post("b");
  Post("c");
  executor_.Finish();
  RunLoop();
  EXPECT_THAT(heard_, ElementsAre("a", "alone", "b", "c"));
  EXPECT_THAT(methods_, ElementsAre("AddTell", "Together"));
}

TEST_F(StoreQueueTest, WhereWhatWaitsCannotBeWrittenTogetherEachHearsItsOwn) {
  fates_ = {Fate::kFails, Fate::kGoesWell, Fate::kFails, Fate::kGoesWell};
  for (const char* text : {"a", "b", "c"}) Post(text);
  executor_.RunNext();
  RunLoop();
  EXPECT_THAT(methods_, ElementsAre("Together", "AddTell", "AddTell", "AddTell"));
  EXPECT_THAT(heard_, ElementsAre("a", "b failed", "c"));
  EXPECT_FALSE(IsThere("b"));
}

TEST_F(StoreQueueTest, OneThatIsRefusedHoldsUpNoOther) {
  ASSERT_TRUE(store_.AddTell("b", session_id_, "another text").ok());
  methods_.clear();
  for (const char* text : {"a", "b", "c"}) Post(text);
  executor_.RunNext();
  RunLoop();
  EXPECT_THAT(heard_, ElementsAre("a", "b failed", "c"));
}

TEST_F(StoreQueueTest, WhatIsThereThoughItFailedIsWrittenAgainWithoutHarm) {
  fates_ = {Fate::kFailsButIsThere};
  Post("a");
  Post("b");
  executor_.RunNext();
  RunLoop();
  EXPECT_THAT(heard_, ElementsAre("a", "b"));
  const std::vector<std::string> open = *store_.OpenTells();
  EXPECT_THAT(open, ElementsAre("a", "b"));
}

TEST_F(StoreQueueTest, WhatIsPostedWhileOthersAreHeardOfIsWrittenNext) {
  queue_.Post([](Store&) { return absl::OkStatus(); }, [this](const absl::Status&) { Post("a"); });
  executor_.RunNext();
  RunLoop();
  EXPECT_EQ(executor_.waiting(), 1u);
  queue_.Finish();
  EXPECT_THAT(heard_, ElementsAre("a"));
}

TEST_F(StoreQueueTest, AMethodThatWritesComesBehindWhatWasPosted) {
  Post("a");
  EXPECT_TRUE(queue_.MarkRunning("a").ok());
  EXPECT_EQ((*store_.FindTell("a"))->state, TellState::kRunning);
  EXPECT_THAT(heard_, IsEmpty()) << "never from inside";
  RunLoop();
  EXPECT_THAT(heard_, ElementsAre("a"));
}

TEST_F(StoreQueueTest, WhatIsTooMuchIsRefusedAndIsTakenAgainLater) {
  Post("large", StoreQueue::kWaitingBytesMax + 1);  // A single one may be.
  Post("more", 1);
  EXPECT_THAT(heard_, ElementsAre("more failed"));
  EXPECT_EQ(KindOf(why_), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(why_).detail(), HasSubstr("does not keep up"));
  queue_.Finish();
  Post("more", 1);
  queue_.Finish();
  EXPECT_THAT(heard_, ElementsAre("more failed", "large", "more"));
}

TEST_F(StoreQueueTest, NoMoreWritesWaitThanTheirLimit) {
  int failed = 0;
  for (size_t i = 0; i <= StoreQueue::kWaitingMax; ++i) {
    queue_.Post([](Store&) { return absl::OkStatus(); },
                [&failed](const absl::Status& written) { failed += written.ok() ? 0 : 1; });
  }
  EXPECT_EQ(failed, 1);
  queue_.Finish();
  EXPECT_EQ(failed, 1);
}

TEST_F(StoreQueueTest, WhatIsUnsyncedIsHeardOfAtOnceAndIsDurableAMomentLater) {
  PostUnsynced("a");
  Write();
  EXPECT_THAT(heard_, ElementsAre("a"));
  EXPECT_FALSE(store_.IsSynced());
  Pass(StoreQueue::kSyncWithin - absl::Microseconds(1));
  EXPECT_EQ(executor_.waiting(), 0u);
  Pass(absl::Microseconds(1));
  EXPECT_EQ(executor_.waiting(), 1u);
  EXPECT_THAT(heard_, ElementsAre("a"));
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable"));
  EXPECT_TRUE(store_.IsSynced());
  EXPECT_THAT(methods_, ElementsAre("TogetherUnsynced", "Sync"));
  Pass(absl::Seconds(10));
  EXPECT_EQ(executor_.waiting(), 0u) << "there is nothing to wait for any more";
}

TEST_F(StoreQueueTest, TheNextWriteMakesWhatIsUnsyncedDurableAndThatIsHeardFirst) {
  PostUnsynced("a");
  Write();
  Post("b");
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable", "b"));
  EXPECT_THAT(methods_, ElementsAre("TogetherUnsynced", "AddTell"));
  Pass(StoreQueue::kSyncWithin);
  EXPECT_EQ(executor_.waiting(), 0u);
}

TEST_F(StoreQueueTest, WhatWaitsTogetherWithAnotherWriteIsSyncedWithIt) {
  PostUnsynced("a");
  Post("b");
  PostUnsynced("c");
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable", "b", "c", "c is durable"));
  EXPECT_THAT(methods_, ElementsAre("Together"));
}

TEST_F(StoreQueueTest, WhatIsAllUnsyncedIsOneUnsyncedWrite) {
  PostUnsynced("a");
  PostUnsynced("b");
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "b"));
  EXPECT_THAT(methods_, ElementsAre("TogetherUnsynced"));
  queue_.SyncNow();
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "b", "a is durable", "b is durable"));
}

TEST_F(StoreQueueTest, WhereNobodyAsksForItNothingIsSynced) {
  queue_.PostUnsynced([this](Store& store) { return store.AddTell("a", session_id_, "a"); },
                      /*written=*/nullptr, /*durable=*/nullptr);
  Write();
  queue_.SyncNow();
  Pass(absl::Seconds(10));
  EXPECT_EQ(executor_.waiting(), 0u);
  EXPECT_FALSE(store_.IsSynced());
}

TEST_F(StoreQueueTest, WhatIsReadAloneIsDurable) {
  PostUnsynced("a");
  Write();
  bool was_synced = false;
  queue_.Read<std::vector<std::string>>(
      [&was_synced](Store& store) {
        was_synced = store.IsSynced();
        return store.OpenTells();
      },
      [this](const absl::StatusOr<std::vector<std::string>>& open) {
        for (const std::string& id : *open) heard_.push_back("read " + id);
      });
  Write();
  EXPECT_TRUE(was_synced);
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable", "read a"));
}

TEST_F(StoreQueueTest, WhatIsUnsyncedAndFailsIsNotDurable) {
  fates_ = {Fate::kFails};
  PostUnsynced("a");
  Write();
  Pass(absl::Seconds(10));
  EXPECT_THAT(heard_, ElementsAre("a failed"));
  EXPECT_THAT(methods_, ElementsAre("TogetherUnsynced"));
}

TEST_F(StoreQueueTest, WhereUnsyncedWritesFailTogetherEachHearsItsOwn) {
  fates_ = {Fate::kFails, Fate::kFails, Fate::kGoesWell};
  PostUnsynced("a");
  PostUnsynced("b");
  Write();
  Pass(StoreQueue::kSyncWithin);
  Write();
  EXPECT_THAT(heard_, ElementsAre("a failed", "b", "b is durable"));
}

// A message's end is told when it is stored: that the message was accepted has to come before.
TEST_F(StoreQueueTest, WhatIsDurableIsHeardOfBehindAllBeforeItThoughOthersFailBesideIt) {
  PostUnsynced("a");
  Write();
  fates_ = {Fate::kFails, Fate::kGoesWell, Fate::kFails, Fate::kGoesWell};
  Post("b");
  Post("c");
  PostUnsynced("d");
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable", "b", "c failed", "d", "d is durable"));
}

TEST_F(StoreQueueTest, ASyncThatFailsIsTriedAgainAndNobodyHearsThatItIsDurableBefore) {
  fates_ = {Fate::kGoesWell, Fate::kFails};
  PostUnsynced("a");
  Write();
  Pass(StoreQueue::kSyncWithin);
  Write();
  EXPECT_THAT(heard_, ElementsAre("a"));
  Pass(StoreQueue::kSyncAgain - absl::Milliseconds(1));
  EXPECT_EQ(executor_.waiting(), 0u);
  Pass(absl::Milliseconds(1));
  Write();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable"));
}

TEST_F(StoreQueueTest, TheEndOfALifeSyncsWhatIsUnsynced) {
  PostUnsynced("a");
  queue_.Finish();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable"));
  fates_ = {Fate::kGoesWell, Fate::kFails};
  PostUnsynced("b");
  queue_.Finish();
  EXPECT_THAT(heard_, ElementsAre("a", "a is durable", "b"));
}

// Looks stand between writes of many callers: they must not take them apart.
TEST_F(StoreQueueTest, WhatIsLookedForIsLookedForAmongWhatIsWritten) {
  Post("a");
  bool is_there = false;
  queue_.Look(
      [&is_there](Store& store) {
        is_there = (*store.FindTell("a")).has_value();
        return absl::OkStatus();
      },
      [this](const absl::Status&) { heard_.push_back("looked"); });
  Post("b");
  Write();
  EXPECT_TRUE(is_there);
  EXPECT_THAT(heard_, ElementsAre("a", "looked", "b"));
  EXPECT_THAT(methods_, ElementsAre("Together"));
}

TEST_F(StoreQueueTest, LooksAloneWriteNothing) {
  for (int i = 0; i < 3; ++i) {
    queue_.Look([](Store& store) { return store.FindTell("a").status(); },
                [this](const absl::Status&) { heard_.push_back("looked"); });
  }
  Write();
  EXPECT_EQ(heard_.size(), 3u);
  EXPECT_THAT(methods_, IsEmpty());
}

TEST(StoreQueueAtOnceTest, WithoutAnExecutorWhatIsUnsyncedIsSyncedAtOnceIfSomebodyWaits) {
  absl::Duration up = absl::Hours(1);
  EventLoop loop([&up] { return up; });
  MemoryStore store;
  StoreQueue queue(loop, store);
  std::vector<std::string> heard;
  Fate fate = Fate::kGoesWell;
  store.set_on_write(
      [&](absl::string_view method) { return method == "Sync" ? fate : Fate::kGoesWell; });
  const auto post = [&](StoreQueue::Durable durable) {
    queue.PostUnsynced([](Store& store) { return store.NoteAnswer("gpu", "way"); },
                       [&](const absl::Status&) { heard.push_back("written"); },
                       std::move(durable));
  };
  post([&] { heard.push_back("durable"); });
  EXPECT_THAT(heard, ElementsAre("written", "durable"));
  post(nullptr);
  EXPECT_FALSE(store.IsSynced());
  fate = Fate::kFails;
  post([&] { heard.push_back("durable"); });
  EXPECT_THAT(heard, ElementsAre("written", "durable", "written", "written"));
  fate = Fate::kGoesWell;
  up += StoreQueue::kSyncAgain;
  while (loop.RunReady()) {
  }
  EXPECT_EQ(heard.back(), "durable");
}

TEST(StoreQueueAtOnceTest, WithoutAnExecutorAllOfItHappensInside) {
  EventLoop loop;
  MemoryStore store;
  StoreQueue queue(loop, store);
  bool heard = false;
  queue.Post([](Store& store) { return store.NoteAnswer("gpu", "way"); },
             [&](const absl::Status& written) { heard = written.ok(); });
  EXPECT_TRUE(heard);
  EXPECT_TRUE(*queue.HasAnswered("gpu", "way"));
}

TEST(StoreQueueThreadTest, TheLoopGoesOnWhileTheDiskDoesNot) {
  MemoryStore store;
  absl::Notification go;
  store.set_on_write([&go](absl::string_view) {
    go.WaitForNotification();
    return Fate::kGoesWell;
  });
  const std::unique_ptr<StoreThread> executor = *StoreThread::Start();
  LoopThread thread;
  std::unique_ptr<StoreQueue> queue;
  absl::Notification heard;
  thread.Run([&] {
    queue = std::make_unique<StoreQueue>(thread.loop(), store, *executor);
    queue->Post([](Store& store) { return store.NoteAnswer("gpu", "way"); },
                [&](const absl::Status& written) {
                  EXPECT_TRUE(written.ok());
                  EXPECT_TRUE(thread.loop().OnLoop());
                  heard.Notify();
                });
  });
  bool went_on = false;
  thread.Run([&] { went_on = !heard.HasBeenNotified(); });
  EXPECT_TRUE(went_on);
  go.Notify();
  heard.WaitForNotification();
  thread.Run([&] { queue.reset(); });
}

}  // namespace
}  // namespace iris
