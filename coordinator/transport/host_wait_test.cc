#include "coordinator/transport/host_wait.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/sink_recorder.h"
#include "coordinator/transport/turn_relay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class HostWaitTest : public ::testing::Test {
 protected:
  // How often it was sought within that time.
  int SeeksIn(absl::Duration time) {
    const int before = seeks_;
    now_ += time;
    while (loop_.RunReady()) {
    }
    return seeks_ - before;
  }
  void Given(const std::string& id) { tells_.Add({.id = id, .sent = true, .given = true}); }
  void NotGiven(const std::string& id) { tells_.Add({.id = id}); }
  static HostAway Away(bool retries) {
    return {.why = MakeFailure(v1::FAILURE_UNREACHABLE, "no route to gpu1"), .retries = retries};
  }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  PendingTells tells_;
  SinkRecorder sink_;
  TurnRelay turns_{loop_, tells_, SessionKey{}, ReadMark{}, sink_, nullptr};
  int seeks_ = 0;
  std::unique_ptr<HostWait> wait_ =
      std::make_unique<HostWait>(loop_, tells_, turns_, sink_, [this] { ++seeks_; });
};

TEST_F(HostWaitTest, WhatNoHostHasAndDoesNotWaitEnds) {
  Given("a");
  NotGiven("b");
  sink_.end_while_away = MakeFailure(v1::FAILURE_UNREACHABLE, "nobody waits for it");
  HostAway away = Away(/*retries=*/true);
  EXPECT_TRUE(wait_->OnAway(away));
  EXPECT_THAT(sink_.Take(), ElementsAre("b settled unreachable"));
  EXPECT_TRUE(tells_.any_given());
}

TEST_F(HostWaitTest, ASinkThatEndsAllEndsTheRestUnheard) {
  NotGiven("a");
  NotGiven("b");
  sink_.end_while_away = MakeFailure(v1::FAILURE_UNREACHABLE, "nobody waits for it");
  sink_.on_heard = [this] { wait_.reset(); };
  HostAway away = Away(/*retries=*/false);
  EXPECT_FALSE(wait_->OnAway(away));
  EXPECT_THAT(sink_.Take(), ElementsAre("a settled unreachable"));
}

TEST_F(HostWaitTest, ASinkThatEndsAllWhileItHearsHowItStandsHearsNoMore) {
  wait_->Await();
  sink_.on_heard = [this] { wait_.reset(); };
  EXPECT_FALSE(wait_->Say(Away(/*retries=*/true)));
  EXPECT_THAT(sink_.Take(), Not(Contains("host away")));
}

TEST_F(HostWaitTest, WhoeverAwaitsTheHostHearsOfEveryAttempt) {
  wait_->Await();
  EXPECT_TRUE(wait_->Say(Away(/*retries=*/false)));
  EXPECT_THAT(sink_.Take(), Contains("host away"));
  EXPECT_TRUE(wait_->OnUp());
  EXPECT_FALSE(wait_->is_awaited());
  EXPECT_FALSE(wait_->OnUp());
}

TEST_F(HostWaitTest, WhatAHostHasIsSaidToWaitForABlockedWay) {
  Given("a");
  HostAway away = Away(/*retries=*/false);
  away.host_is_known = true;
  EXPECT_TRUE(wait_->Say(away));
  const std::vector<std::string> heard = sink_.Take();
  EXPECT_THAT(heard, Contains(HasSubstr("the way to it is blocked: no route to gpu1")));
  EXPECT_THAT(heard, Not(Contains("host away")));
}

TEST_F(HostWaitTest, ABlockedWayIsTriedAgainRarelyForWhatAHostHas) {
  Given("a");
  wait_->TryAgain(Away(/*retries=*/false));
  EXPECT_EQ(SeeksIn(LinkRetry::kFirst), 1);
}

TEST_F(HostWaitTest, OneThatTriesByItselfIsNot) {
  Given("a");
  wait_->TryAgain(Away(/*retries=*/true));
  EXPECT_EQ(SeeksIn(absl::Hours(1)), 0);
}

TEST_F(HostWaitTest, ALoginThatMayBeMadeSoonIsMadeForWhoeverWaits) {
  NotGiven("a");
  HostAway away = Away(/*retries=*/false);
  away.login_in = absl::Seconds(5);
  wait_->TryAgain(away);
  EXPECT_EQ(SeeksIn(absl::Seconds(5)), 1);
}

TEST_F(HostWaitTest, AnAttemptThatIsUnderWayIsNotPutOff) {
  wait_->OnSeeking();
  wait_->TryLater();
  EXPECT_EQ(SeeksIn(absl::Hours(1)), 0);
  HostAway away = Away(/*retries=*/false);
  wait_->OnAway(away);
  wait_->TryLater();
  EXPECT_EQ(SeeksIn(LinkRetry::kFirst), 1);
}

TEST_F(HostWaitTest, SomebodyWhoAskedDuringAnAttemptIsNewerThanIt) {
  wait_->OnOtherAsker();  // None was under way.
  HostAway away = Away(/*retries=*/false);
  wait_->OnAway(away);
  EXPECT_FALSE(away.asker_is_newer);
  wait_->OnSeeking();
  wait_->OnOtherAsker();
  wait_->OnAway(away);
  EXPECT_TRUE(away.asker_is_newer);
  wait_->OnAway(away);
  EXPECT_FALSE(away.asker_is_newer);
}

TEST_F(HostWaitTest, ATellThatIsTakenBackLeavesItsHostAwaited) {
  Given("a");
  NotGiven("b");
  EXPECT_FALSE(wait_->TakeBack("a"));
  EXPECT_FALSE(wait_->TakeBack("c"));
  EXPECT_FALSE(wait_->is_awaited());
  EXPECT_TRUE(wait_->TakeBack("b"));
  EXPECT_TRUE(wait_->is_awaited());
  EXPECT_EQ(tells_.Find("b"), nullptr);
  EXPECT_THAT(sink_.Take(), IsEmpty());
}

TEST_F(HostWaitTest, ItIsLostUntilItIsUpOrNobodyNeedsIt) {
  EXPECT_FALSE(wait_->is_lost());
  wait_->OnDown();
  EXPECT_TRUE(wait_->is_lost());
  wait_->OnUp();
  EXPECT_FALSE(wait_->is_lost());
  wait_->OnDown();
  wait_->OnLetGo();
  EXPECT_FALSE(wait_->is_lost());
}

}  // namespace
}  // namespace iris
