#include "coordinator/mcp/progress.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

TEST(McpProgressTest, WhatIsGoingOnIsOneLine) {
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::UPLOADING);
  progress.set_text("uploading the agent to gpu1");
  progress.set_bytes_done(1 << 20);
  progress.set_bytes_total(5 << 19);
  EXPECT_EQ(ProgressText(progress), "uploading the agent to gpu1, 1.0 of 2.5 MiB");
  progress.Clear();
  progress.set_stage(v1::TellProgress::WORKING);
  EXPECT_EQ(ProgressText(progress), "working");
}

TEST(McpProgressTest, ATurnsToolSecondsAndLastWordsAreShownAndObeyedByNoTerminal) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::WORKING);
  progress.set_text("claude has the message");
  progress.set_working_ms(3'500);
  EXPECT_EQ(NewsOf(progress, now).At(now), "claude has the message, 3 s");
  progress.mutable_tool()->set_name("Bash");
  progress.mutable_tool()->set_input("npm\ntest \033[2J");
  progress.set_words("I run\nthem\033]0;x");
  const ProgressNews news = NewsOf(progress, now);
  // The seconds go on where there is no other news.
  EXPECT_EQ(news.At(now + absl::Seconds(40)),
            "runs Bash: npm test ?[2J, 43 s; said: I run them?]0;x");
}

// A reporter on a loop, until it has sent so many notifications.
class McpProgressReporterTest : public ::testing::Test {
 protected:
  std::vector<Json> Collect(size_t count, Json token, ProgressReporter::Options options,
                            std::function<void(ProgressReporter&)> use) {
    absl::Notification done;
    std::vector<Json> params;
    std::unique_ptr<ProgressReporter> reporter;
    LoopThread thread;
    thread.loop().Post([&] {
      reporter = std::make_unique<ProgressReporter>(
          thread.loop(), std::move(token), "waiting", options, [&](std::string text) {
            const Json json = Json::parse(text);
            EXPECT_EQ(json["method"], "notifications/progress");
            params.push_back(json["params"]);
            // Not from here: it is the reporter that calls.
            if (params.size() == count) thread.loop().Post([&] { done.Notify(); });
          });
      use(*reporter);
      if (count == 0) thread.loop().After(absl::Milliseconds(20), [&] { done.Notify(); });
    });
    EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Minutes(1)));
    absl::Notification gone;
    thread.loop().Post([&] {
      reporter.reset();
      gone.Notify();
    });
    gone.WaitForNotification();
    return params;
  }

  static std::vector<std::string> Messages(const std::vector<Json>& params) {
    std::vector<std::string> messages;
    for (const Json& p : params) messages.push_back(p.value("message", "-"));
    return messages;
  }
};

TEST_F(McpProgressReporterTest, SilenceIsFilledAndTheNumberGrows) {
  const std::vector<Json> params =
      Collect(5, "t", {.beat = absl::Milliseconds(1)}, [](ProgressReporter&) {});
  double last = -1;
  for (const Json& p : params) {
    EXPECT_EQ(p["progressToken"], "t");
    EXPECT_EQ(p["message"], "waiting");
    EXPECT_GT(p["progress"].get<double>(), last);
    last = p["progress"].get<double>();
  }
}

TEST_F(McpProgressReporterTest, ARequestThatWasSentAgainCountsFromItsBeginning) {
  const std::vector<Json> params = Collect(
      1, 7, {.age = absl::Seconds(90)}, [](ProgressReporter& r) { r.News({.doing = "working"}); });
  EXPECT_EQ(params[0]["progressToken"], 7);
  EXPECT_GT(params[0]["progress"].get<double>(), 90);
}

TEST_F(McpProgressReporterTest, NewsGoesOutAtOnceAndABurstOfItIsSummedUp) {
  const std::vector<Json> params =
      Collect(2, 7, {.apart = absl::Milliseconds(20)}, [](ProgressReporter& r) {
        r.News({.doing = "connecting"});
        for (int i = 0; i < 100; ++i) r.News({.doing = "uploading " + std::to_string(i)});
        r.News({.doing = "working"});
      });
  EXPECT_THAT(Messages(params), ElementsAre("connecting", "working"));
}

TEST_F(McpProgressReporterTest, OldClientsGetNoWordsAndThoseThatDidNotAskGetNothing) {
  EXPECT_THAT(Messages(Collect(1, 7, {.with_message = false},
                               [](ProgressReporter& r) { r.News({.doing = "working"}); })),
              ElementsAre("-"));
  Collect(0, nullptr, {.beat = absl::Milliseconds(1)}, [](ProgressReporter& r) {
    r.News({.doing = "working"});
    SUCCEED();
  });
}

}  // namespace
}  // namespace iris
