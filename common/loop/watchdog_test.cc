#include "common/loop/watchdog.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr CodePlace kHere{"agent/here.cc", 7};

class WatchdogTest : public ::testing::Test {
 protected:
  Watchdog Make(std::vector<WatchException> exceptions = {}) {
    Watchdog::Options options;
    options.limits = {.note = absl::Milliseconds(20), .fail = absl::Milliseconds(100)};
    options.cpu_time = [this] { return cpu_; };
    options.exceptions = std::move(exceptions);
    options.note = [this](const CodePlace&, const std::string& text) { notes_.push_back(text); };
    options.fail = [this](const CodePlace& place, const std::string& text) {
      EXPECT_EQ(place.line, kHere.line);
      failures_.push_back(text);
    };
    return Watchdog(std::move(options));
  }
  void Callback(Watchdog& watchdog, absl::Duration takes,
                CallbackWatch::Kind kind = CallbackWatch::Kind::kOrdinary) {
    watchdog.OnBegin(kHere, kind);
    cpu_ += takes;
    watchdog.OnEnd();
  }
  void Block(Watchdog& watchdog, CallbackWatch::Kind kind = CallbackWatch::Kind::kOrdinary) {
    watchdog.OnBegin(kHere, kind);
    watchdog.OnBlocking("Dial");
    watchdog.OnBlocking("WaitReadable");  // As Dial() does.
    watchdog.OnBlocked();
    watchdog.OnBlocked();
    watchdog.OnEnd();
  }

  absl::Duration cpu_ = absl::Hours(1);
  std::vector<std::string> notes_, failures_;
};

TEST_F(WatchdogTest, ShortCallbacksAreNotSpokenOf) {
  Watchdog watchdog = Make();
  Callback(watchdog, absl::Milliseconds(20));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(failures_, IsEmpty());
}

TEST_F(WatchdogTest, ALongCallbackIsWrittenDownWithItsName) {
  Watchdog watchdog = Make();
  Callback(watchdog, absl::Milliseconds(100));
  EXPECT_THAT(notes_,
              ElementsAre("a callback of agent/here.cc:7 took 100ms of CPU time on its loop"));
  EXPECT_THAT(failures_, IsEmpty());
}

TEST_F(WatchdogTest, AVeryLongCallbackIsAFailure) {
  Watchdog watchdog = Make();
  Callback(watchdog, absl::Milliseconds(101));
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("took 101ms")));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(WatchdogTest, AKnownLongCallbackIsOnlyWrittenDown) {
  Watchdog watchdog = Make({{.what = "/here.cc", .where = "", .why = "so", .mender = "agent"}});
  Callback(watchdog, absl::Seconds(1));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("took 1s")));
  EXPECT_THAT(failures_, IsEmpty());
}

TEST_F(WatchdogTest, ACallbackWithinAnotherIsPartOfIt) {
  Watchdog watchdog = Make();
  watchdog.OnBegin(kHere, CallbackWatch::Kind::kOrdinary);
  Callback(watchdog, absl::Seconds(1));
  EXPECT_THAT(failures_, IsEmpty());
  watchdog.OnEnd();
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("took 1s")));
}

TEST_F(WatchdogTest, WhatBlocksOnALoopIsAFailure) {
  Watchdog watchdog = Make();
  Block(watchdog);
  EXPECT_THAT(failures_,
              ElementsAre("Dial may block, in a callback of agent/here.cc:7 on its loop"));
}

TEST_F(WatchdogTest, WhatIsKnownToBlockIsWrittenDownWhereItIsKnownTo) {
  Watchdog watchdog = Make({{.what = "Dial", .where = "/here.cc", .why = "so", .mender = "agent"}});
  Block(watchdog);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("Dial may block")));
  EXPECT_THAT(failures_, IsEmpty());

  Watchdog elsewhere =
      Make({{.what = "Dial", .where = "/there.cc", .why = "so", .mender = "agent"}});
  Block(elsewhere);
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("Dial may block")));
}

TEST_F(WatchdogTest, WhatIsOnNoLoopMayBlock) {
  Watchdog watchdog = Make();
  watchdog.OnBlocking("Dial");
  Callback(watchdog, absl::ZeroDuration());
  watchdog.OnBlocked();
  EXPECT_THAT(failures_, IsEmpty());
}

TEST_F(WatchdogTest, ASimulatedLoopMayBlockAndIsMeasured) {
  Watchdog watchdog = Make();
  Block(watchdog, CallbackWatch::Kind::kMayBlock);
  EXPECT_THAT(failures_, IsEmpty());
  Callback(watchdog, absl::Seconds(1), CallbackWatch::Kind::kMayBlock);
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("took 1s")));
}

TEST_F(WatchdogTest, WhatATestRunsMayDoAsItLikes) {
  Watchdog watchdog = Make();
  Block(watchdog, CallbackWatch::Kind::kExempt);
  Callback(watchdog, absl::Seconds(1), CallbackWatch::Kind::kExempt);
  EXPECT_THAT(failures_, IsEmpty());
  EXPECT_THAT(notes_, IsEmpty());
}

}  // namespace
}  // namespace iris
