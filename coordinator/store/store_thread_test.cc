#include "coordinator/store/store_thread.h"

#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

TEST(StoreThreadTest, TasksRunInOrderOnAnotherThreadAlsoThoseThatTasksGive) {
  const std::unique_ptr<StoreThread> thread = *StoreThread::Start();
  std::vector<int> ran;
  thread->Run([&] {
    EXPECT_NE(std::this_thread::get_id(), std::thread::id());
    ran.push_back(1);
    thread->Run([&] { ran.push_back(3); });
  });
  thread->Finish();
  ASSERT_FALSE(ran.empty());
  thread->Run([&] { ran.push_back(4); });
  thread->Finish();
  EXPECT_THAT(ran, ElementsAre(1, 3, 4));
}

TEST(StoreThreadTest, WhoGivesATaskDoesNotWaitForIt) {
  const std::unique_ptr<StoreThread> thread = *StoreThread::Start();
  absl::Notification go;
  bool ran = false;
  thread->Run([&] {
    go.WaitForNotification();
    ran = true;
  });
  go.Notify();  // Not before Run() has returned.
  thread->Finish();
  EXPECT_TRUE(ran);
}

TEST(StoreThreadTest, WhatWasGivenIsRunBeforeItEnds) {
  int ran = 0;
  {
    const std::unique_ptr<StoreThread> thread = *StoreThread::Start();
    for (int i = 0; i < 100; ++i) thread->Run([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace iris
