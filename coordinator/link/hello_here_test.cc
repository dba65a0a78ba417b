#include "coordinator/link/hello_here.h"

#include <atomic>
#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/loop/event_loop.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

TEST(HelloHereTest, TheLoopGoesOnWhileTheAgentIsAskedOnceForAll) {
  LoopThread loop;
  absl::Notification may_answer;
  absl::Notification all_heard;
  std::atomic<int> asked = 0;
  int heard = 0;
  std::unique_ptr<HelloHere> here;
  loop.Run([&] {
    here = std::make_unique<HelloHere>(loop.loop(), [&]() -> absl::optional<v1::Hello> {
      ++asked;
      may_answer.WaitForNotification();
      v1::Hello hello;
      hello.set_host_id("this one");
      return hello;
    });
    for (int i = 0; i < 3; ++i) {
      here->Ask([&](const HelloHere::Answer& answer) {
        EXPECT_TRUE(answer.ok());
        if (answer.ok()) EXPECT_EQ((*answer)->host_id(), "this one");
        if (++heard == 3) all_heard.Notify();
      });
    }
  });
  loop.Run([&] { EXPECT_EQ(heard, 0); });  // It would not come here.
  may_answer.Notify();
  EXPECT_TRUE(all_heard.WaitForNotificationWithTimeout(kPatience));
  EXPECT_EQ(asked, 1);
  loop.Run([&] { here.reset(); });
}

TEST(HelloHereTest, ALaterQuestionIsAskedAnew) {
  LoopThread loop;
  bool runs = false;
  std::unique_ptr<HelloHere> here;
  for (const bool expected : {false, true}) {
    absl::Notification heard;
    loop.Run([&] {
      if (here == nullptr) {
        here = std::make_unique<HelloHere>(loop.loop(), [&runs] {
          return runs ? absl::make_optional(v1::Hello()) : absl::nullopt;
        });
      }
      runs = expected;
      here->Ask([&](const HelloHere::Answer& answer) {
        EXPECT_EQ(answer.ok() && answer->has_value(), expected);
        heard.Notify();
      });
    });
    EXPECT_TRUE(heard.WaitForNotificationWithTimeout(kPatience));
  }
  loop.Run([&] { here.reset(); });
}

}  // namespace
}  // namespace iris
