#include "coordinator/orchestrator/fetched_marks.h"

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

// One tell that is settled, and that nobody has fetched.
class FetchedMarksTest : public ::testing::Test {
 protected:
  FetchedMarksTest() {
    const std::string session_id = file_.GetOrCreateSession("cli", "app")->session_id;
    EXPECT_TRUE(file_.AddTell("one", session_id, "text").ok());
    EXPECT_TRUE(file_.Save({}, {{.tell_id = "one", .answer = "answer"}}).ok());
  }
  void Write() {
    executor_.RunNext();
    while (loop_.RunReady()) {
    }
  }
  bool IsFetched() { return (*file_.FindTell("one"))->fetched; }

  EventLoop loop_{[] { return absl::Hours(1); }};
  MemoryStore file_;
  HeldExecutor executor_;
  StoreQueue store_{loop_, file_, executor_};
  FetchedMarks marks_{store_};
};

TEST_F(FetchedMarksTest, AMarkIsKnownUntilTheStoreKnowsIt) {
  EXPECT_FALSE(marks_.IsBeingMarked("one"));
  marks_.Mark("one");
  EXPECT_TRUE(marks_.IsBeingMarked("one"));
  EXPECT_FALSE(IsFetched());
  Write();
  EXPECT_FALSE(marks_.IsBeingMarked("one"));
  EXPECT_TRUE(IsFetched());
}

TEST_F(FetchedMarksTest, TwoMarksOfOneTellAreTwo) {
  marks_.Mark("one");
  executor_.RunNext();  // Not heard of yet.
  marks_.Mark("one");
  while (loop_.RunReady()) {
  }
  EXPECT_TRUE(marks_.IsBeingMarked("one"));
  Write();
  EXPECT_FALSE(marks_.IsBeingMarked("one"));
}

TEST_F(FetchedMarksTest, WhatTheStoreDidNotTakeIsOfferedAgain) {
  file_.set_on_write([](absl::string_view) { return MemoryStore::Fate::kFails; });
  marks_.Mark("one");
  Write();
  EXPECT_FALSE(marks_.IsBeingMarked("one"));
  EXPECT_FALSE(IsFetched());
}

}  // namespace
}  // namespace iris
