#include "agent/process/work_thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(60);

// The test is neither the loop nor the thread.
class WorkThreadTest : public ::testing::Test {
 protected:
  WorkThreadTest() {
    loop.Run([this] { work = std::make_unique<WorkThread>(loop.loop()); });
  }
  ~WorkThreadTest() override {
    if (!held.HasBeenNotified()) held.Notify();
    work.reset();
  }

  SlowWork::Done Hear(const std::string& name) {
    return [this, name](const absl::Status& ran) {
      EXPECT_TRUE(loop.loop().OnLoop());
      heard.push_back(name + (ran.ok() ? "" : " " + absl::StatusCodeToString(ran.code())));
      why = ran;
    };
  }
  // The thread does nothing else until `held` is notified.
  void Hold(absl::Duration within = kLong) {
    loop.Run([&] {
      work->Run(
          "it is held", within,
          [this] {
            begun.Notify();
            held.WaitForNotification();
          },
          Hear("held"));
    });
    begun.WaitForNotification();
  }
  // All that was given to the thread before has run, and is heard of.
  void Finish() {
    absl::Notification over;
    loop.Run([&] {
      work->Run(
          "the end", absl::InfiniteDuration(), [] {}, [&](const absl::Status&) { over.Notify(); });
    });
    over.WaitForNotification();
  }

  absl::Notification begun, held;
  std::vector<std::string> heard;  // On the loop.
  absl::Status why;
  std::unique_ptr<WorkThread> work;
  LoopThread loop;  // Last: it may still have what speaks of the above.
};

TEST_F(WorkThreadTest, WorkIsDoneInOrderAndNotOnTheLoop) {
  std::vector<int> order;
  loop.Run([&] {
    for (int i = 0; i < 3; ++i) {
      work->Run(
          "counting", kLong,
          [&, i] {
            EXPECT_FALSE(loop.loop().OnLoop());
            order.push_back(i);
          },
          Hear(std::to_string(i)));
    }
    EXPECT_TRUE(heard.empty());
  });
  Finish();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
  EXPECT_THAT(heard, ElementsAre("0", "1", "2"));
}

TEST_F(WorkThreadTest, WhatIsLateIsHeardOfOnceAndBegunNoMore) {
  Hold(absl::Milliseconds(1));
  bool ran = false;
  absl::Notification late;
  loop.Run([&] {
    work->Run(
        "the second", absl::Milliseconds(1), [&] { ran = true; },
        [&](const absl::Status& status) {
          Hear("second")(status);
          late.Notify();
        });
  });
  late.WaitForNotification();
  held.Notify();
  Finish();
  EXPECT_THAT(heard, ElementsAre("held DEADLINE_EXCEEDED", "second DEADLINE_EXCEEDED"));
  EXPECT_THAT(std::string(why.message()), HasSubstr("the second: no answer within 1ms"));
  EXPECT_FALSE(ran);
}

TEST_F(WorkThreadTest, MoreThanMayWaitIsRefused) {
  Hold();
  loop.Run([&] {
    for (size_t i = 1; i < WorkThread::kWaitingMax; ++i) {
      work->Run(
          "waiting", kLong, [] {}, [](const absl::Status&) {});
    }
    work->Run(
        "one too many", kLong, [] { ADD_FAILURE(); }, Hear("refused"));
    EXPECT_TRUE(heard.empty());
  });
  loop.Run([] {});
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(KindOf(why), v1::FAILURE_BUSY_LIMIT);
  held.Notify();
  Finish();
}

TEST_F(WorkThreadTest, AtItsEndWhatHasNoLimitStillRuns) {
  Hold();
  bool ran = false;
  loop.Run([&] {
    work->Run(
        "in any case", absl::InfiniteDuration(), [&] { ran = true; }, Hear("unlimited"));
  });
  loop.loop().Post([this] { held.Notify(); });
  work.reset();
  EXPECT_TRUE(ran);
}

// In a process of its own: limits hold for good, and not for root.
[[noreturn]] void RunAtTheLimit() {
  if (geteuid() == 0 && setuid(65'534) != 0) _exit(2);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NPROC, &limit) != 0) _exit(3);
  const struct rlimit none = {0, limit.rlim_max};
  if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(4);
  EventLoop loop;
  WorkThread work(loop);
  work.Run(
      "with a limit", kLong, [] { _exit(5); },
      [&](const absl::Status& ran) {
        if (KindOf(ran) != v1::FAILURE_BUSY_LIMIT) _exit(6);
        if (setrlimit(RLIMIT_NPROC, &limit) != 0) _exit(7);
        work.Run(
            "when there is one", kLong, [] {},
            [](const absl::Status& now) { _exit(now.ok() ? 0 : 8); });
      });
  loop.Run();
  _exit(9);
}

TEST(WorkThreadLimitTest, WithoutAThreadWorkIsRefusedAndTheNextTriesAgain) {
  EXPECT_EXIT(RunAtTheLimit(), testing::ExitedWithCode(0), HasSubstr("looks at claims"));
}

TEST(WorkAtOnceTest, ItIsDoneWhenRunReturns) {
  std::vector<std::string> heard;
  WorkAtOnce::Get().Run(
      "work", kLong, [&] { heard.emplace_back("work"); },
      [&](const absl::Status& ran) { heard.emplace_back(ran.ok() ? "done" : "failed"); });
  EXPECT_THAT(heard, ElementsAre("work", "done"));
}

}  // namespace
}  // namespace iris
