#include "common/loop/event_loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/loop/callback_watch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    reader.Reset(fds[0]);
    writer.Reset(fds[1]);
  }
  ScopedFd reader, writer;
};

TEST(EventLoopTest, PostedTasksRunInOrderOnTheLoop) {
  std::vector<int> order;
  {
    LoopThread thread;
    for (int i = 0; i < 3; ++i) {
      thread.loop().Post([&, i] {
        EXPECT_TRUE(thread.loop().OnLoop());
        order.push_back(i);
      });
    }
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(EventLoopTest, RunReturnsWhenItsTaskIsThroughOnTheLoop) {
  LoopThread thread;
  std::vector<int> order;
  thread.loop().Post([&] { order.push_back(1); });
  thread.Run([&] {
    EXPECT_TRUE(thread.loop().OnLoop());
    order.push_back(2);
  });
  EXPECT_THAT(order, ElementsAre(1, 2));
}

// Where callbacks come from, and what kind they are of.
class Heard final : public CallbackWatch {
 public:
  Heard() : before_(installed.exchange(this)) {}
  ~Heard() override { installed = before_; }

  void OnBegin(const CodePlace& place, Kind kind) override {
    EXPECT_THAT(place.file, ::testing::EndsWith("event_loop_test.cc"));
    lines.push_back(place.line);
    kinds.push_back(kind);
  }
  void OnEnd() override { ++ended; }
  void OnBlocking(const char* what) override { blocking.push_back(what); }
  void OnBlocked() override {}

  std::vector<int> lines;
  std::vector<Kind> kinds;
  std::vector<std::string> blocking;
  int ended = 0;

 private:
  CallbackWatch* const before_;
};

TEST(EventLoopTest, ACallbackIsNamedByWhereItWasHandedOver) {
  absl::Duration now;
  EventLoop loop([&] { return now; });
  loop.Post([] {});
  const int posted_at = __LINE__ - 1;
  loop.After(absl::Seconds(1), [] { MayBlock("WaitForIt"); });
  const int timer_at = __LINE__ - 1;
  now = absl::Seconds(1);
  Heard heard;
  EXPECT_TRUE(loop.RunReady());
  EXPECT_THAT(heard.lines, ElementsAre(posted_at, timer_at));
  EXPECT_THAT(heard.kinds,
              ElementsAre(CallbackWatch::Kind::kMayBlock, CallbackWatch::Kind::kMayBlock));
  EXPECT_THAT(heard.blocking, ElementsAre("WaitForIt"));
  EXPECT_EQ(heard.ended, 2);
}

// As the destructor of what lives on a loop does, where it does not run there.
TEST(EventLoopDeathTest, ATimerOfARunningLoopIsNotForAnotherThread) {
  EXPECT_DEATH(
      {
        LoopThread thread;
        EventLoop::TimerId timer = 0;
        thread.Run([&] { timer = thread.loop().After(absl::Hours(1), [] {}); });
        thread.loop().Cancel(timer);
      },
      "");
}

TEST(EventLoopTest, OfOneThatHasRunItIs) {
  EventLoop loop;
  const EventLoop::TimerId timer = loop.After(absl::Hours(1), [] {});
  loop.Stop();
  std::thread([&] { loop.Run(); }).join();
  EXPECT_TRUE(loop.Cancel(timer));
}

TEST(EventLoopDeathTest, RunOnTheLoopItselfAborts) {
  EXPECT_DEATH(
      {
        LoopThread thread;
        thread.Run([&] { thread.Run([] {}); });
      },
      "");
}

TEST(EventLoopTest, ATaskIsFreedBeforeTheNextOneRuns) {
  EventLoop loop;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  loop.Post([held = std::move(held)] { EXPECT_EQ(*held, 1); });
  bool freed = false;
  loop.Post([&] { freed = seen.expired(); });
  loop.Stop();

  loop.Run();

  EXPECT_TRUE(freed);
}

TEST(EventLoopTest, TimersRunByDueTimeAndACancelledOneDoesNot) {
  EventLoop loop;
  std::vector<std::string> order;
  loop.After(absl::Milliseconds(20), [&] {
    order.push_back("late");
    loop.Stop();
  });
  loop.After(absl::Milliseconds(1), [&] { order.push_back("early"); });
  const EventLoop::TimerId cancelled =
      loop.After(absl::Milliseconds(5), [&] { order.push_back("cancelled"); });
  EXPECT_TRUE(loop.Cancel(cancelled));
  EXPECT_FALSE(loop.Cancel(cancelled));

  loop.Run();

  EXPECT_THAT(order, ElementsAre("early", "late"));
}

TEST(EventLoopTest, ACallbackMayUnwatchItselfAndIsNotCalledAgain) {
  EventLoop loop;
  Pipe pipe;
  int calls = 0;
  const absl::Status watched =
      loop.Watch(pipe.reader.get(), {.readable = true}, [&](EventLoop::Ready ready) {
        EXPECT_TRUE(ready.readable);
        ++calls;
        loop.Unwatch(pipe.reader.get());
        loop.After(absl::Milliseconds(5), [&] { loop.Stop(); });
      });
  ASSERT_TRUE(watched.ok()) << watched;
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);

  loop.Run();

  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, HangUpArrivesAsReadable) {
  EventLoop loop;
  Pipe pipe;
  bool readable = false;
  const absl::Status watched =
      loop.Watch(pipe.reader.get(), {.readable = true}, [&](EventLoop::Ready ready) {
        readable = ready.readable;
        loop.Unwatch(pipe.reader.get());
        loop.Stop();
      });
  ASSERT_TRUE(watched.ok()) << watched;
  pipe.writer.Reset();

  loop.Run();

  EXPECT_TRUE(readable);
}

TEST(EventLoopTest, ByAnotherClockItRunsWhatIsReadyAndWaitsForNothing) {
  absl::Duration now = absl::Hours(1);
  EventLoop loop([&now] { return now; });
  std::vector<int> ran;
  EXPECT_FALSE(loop.RunReady());
  EXPECT_FALSE(loop.next_timer().has_value());
  loop.After(absl::Hours(2), [&] { ran.push_back(2); });
  loop.Post([&] { ran.push_back(1); });

  EXPECT_TRUE(loop.RunReady());
  EXPECT_FALSE(loop.RunReady());
  EXPECT_EQ(loop.next_timer(), absl::Hours(3));
  now = absl::Hours(3);
  EXPECT_TRUE(loop.RunReady());

  EXPECT_THAT(ran, ElementsAre(1, 2));
}

TEST(EventLoopTest, AFractionOfANanosecondIsNotEarly) {
  absl::Duration now = absl::Hours(1);
  EventLoop loop([&now] { return now; });
  const absl::Duration delay = absl::Nanoseconds(5) / 2;
  bool ran = false;
  loop.After(delay, [&ran] { ran = true; });
  now += absl::Nanoseconds(2);
  loop.RunReady();
  EXPECT_FALSE(ran);
  now = absl::Hours(1) + absl::Nanoseconds(3);
  loop.RunReady();
  EXPECT_TRUE(ran);
}

TEST(EventLoopTest, WithoutInterestADescriptorIsQuiet) {
  EventLoop loop;
  Pipe pipe;
  int calls = 0;
  ASSERT_TRUE(
      loop.Watch(pipe.reader.get(), {.readable = true}, [&](EventLoop::Ready) { ++calls; }).ok());
  loop.ChangeInterest(pipe.reader.get(), {});
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  loop.After(absl::Milliseconds(10), [&] { loop.Stop(); });

  loop.Run();

  EXPECT_EQ(calls, 0);
}

TEST(EventLoopTest, WhereTheSystemAllowsNoMoreADescriptorIsNotWatchedAndTheLoopGoesOn) {
  EventLoop loop;
  Pipe first, second;
  std::vector<int> heard;
  const auto watch = [&](int number, Pipe& pipe) {
    return loop.Watch(pipe.reader.get(), {.readable = true}, [&, number](EventLoop::Ready) {
      heard.push_back(number);
      loop.Unwatch(pipe.reader.get());
      loop.Stop();
    });
  };
  loop.set_watched_max(1);
  ASSERT_TRUE(watch(1, first).ok());
  EXPECT_TRUE(watch(1, first).ok()) << "that takes nothing more";
  const absl::Status refused = watch(2, second);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("fs.epoll.max_user_watches"), std::string::npos);
  loop.Unwatch(second.reader.get());
  ASSERT_EQ(write(second.writer.get(), "x", 1), 1);
  ASSERT_EQ(write(first.writer.get(), "x", 1), 1);
  loop.Run();
  EXPECT_THAT(heard, ElementsAre(1));
  EXPECT_TRUE(watch(2, second).ok()) << "there is room again";
}

TEST(EventLoopDeathTest, WhatCannotBeWatchedAtAllIsABug) {
  EventLoop loop;
  EXPECT_DEATH((void)loop.Watch(-1, {.readable = true}, [](EventLoop::Ready) {}), "");
}

}  // namespace
}  // namespace iris
