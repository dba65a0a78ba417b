#include "coordinator/desk/feed.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Watcher : public FeedWatcher {
 public:
  void OnNews() override {
    ++news;
    if (on_news) on_news();
  }

  int news = 0;
  std::function<void()> on_news;
};

// All in one thread, at a clock that the test sets.
class FeedTest : public ::testing::Test {
 protected:
  FeedTest()
      : loop_([this] { return now_; }),
        feed_(std::make_unique<Feed>(
            loop_, /*first=*/100,
            Feed::Source{
                .look =
                    [this](const std::vector<HostReport>& hosts, Feed::LookDone done) {
                      ++looks_;
                      seen_hosts_ = hosts;
                      if (holds_looks_) return held_.push_back(std::move(done));
                      failure_.ok() ? done(state_) : done(failure_);
                    },
                .ask_hosts =
                    [this](HostReportsDone done) { asked_.push_back(std::move(done)); }})) {}

  void Pass(absl::Duration time) {
    for (const absl::Duration until = now_ + time; now_ < until;) {
      now_ += absl::Milliseconds(500);
      while (loop_.RunReady()) {
      }
    }
  }
  void AnswerHosts(std::vector<HostReport> hosts) {
    const HostReportsDone done = std::move(asked_.front());
    asked_.erase(asked_.begin());
    done(hosts);
  }
  // As of now, by a look where nobody watches.
  Snapshot All() {
    Board::News all;
    feed_->LookAfter(0, [&all](const Board::News& news) { all = news; });
    return std::get<Snapshot>(all);
  }
  // The look that was held first has seen what there is now.
  void EndLook() {
    const Feed::LookDone done = std::move(held_.front());
    held_.erase(held_.begin());
    done(state_);
  }
  void AddTeam(const std::string& name) { state_.teams.emplace_back().set_name(name); }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_;
  BoardState state_;
  absl::Status failure_;
  int looks_ = 0;
  bool holds_looks_ = false;  // They take as long as the test says.
  std::vector<Feed::LookDone> held_;
  std::vector<HostReport> seen_hosts_;
  std::vector<HostReportsDone> asked_;
  std::unique_ptr<Feed> feed_;
};

TEST_F(FeedTest, WhoeverWatchesHearsOfWhatHappensByItself) {
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  const Snapshot all = All();
  Pass(absl::Seconds(2));
  EXPECT_EQ(watcher.news, 0) << "nothing has happened";
  AddTeam("web");
  Pass(Feed::kLookEvery);
  EXPECT_EQ(watcher.news, 1);
  EXPECT_THAT(std::get<std::vector<Change>>(feed_->NewsAfter(all.seq)), SizeIs(1));
}

TEST_F(FeedTest, WhatAFrontEndAsksForIsSeenAtOnceAndOnceForManyOfThem) {
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  const int looks = looks_;
  AddTeam("web");
  for (int i = 0; i < 10; ++i) feed_->Poke();
  while (loop_.RunReady()) {
  }
  EXPECT_EQ(looks_, looks + 1);
  EXPECT_EQ(watcher.news, 1);
}

TEST_F(FeedTest, WhereNobodyWatchesNothingIsDoneUntilSomebodyLooks) {
  feed_->Poke();
  Pass(absl::Minutes(1));
  EXPECT_EQ(looks_, 0);
  EXPECT_THAT(asked_, IsEmpty());
  AddTeam("web");
  EXPECT_THAT(All().state.teams, SizeIs(1));

  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  feed_->Unwatch(&watcher);
  const int looks = looks_;
  Pass(absl::Minutes(1));
  EXPECT_EQ(looks_, looks);
}

TEST_F(FeedTest, OneLookIsUnderWayAtATimeAndWhatIsAskedForMeanwhileIsLookedAtBehindIt) {
  holds_looks_ = true;
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  Pass(absl::Seconds(3));
  EXPECT_EQ(looks_, 1);
  EXPECT_EQ(watcher.news, 0);
  AddTeam("web");
  EndLook();
  EXPECT_EQ(watcher.news, 1);
  EXPECT_EQ(looks_, 2);
  EndLook();
  EXPECT_EQ(looks_, 2);
  EXPECT_EQ(watcher.news, 1);
}

TEST_F(FeedTest, WhoLooksWhileALookIsUnderWaySeesWhatCameSince) {
  holds_looks_ = true;
  size_t first = 0, second = 0;
  feed_->LookAfter(
      0, [&](const Board::News& news) { first = std::get<Snapshot>(news).state.teams.size(); });
  AddTeam("web");
  feed_->LookAfter(
      0, [&](const Board::News& news) { second = std::get<Snapshot>(news).state.teams.size(); });
  EndLook();
  EXPECT_EQ(first, 1u);
  EXPECT_EQ(second, 0u) << "it may have looked before";
  AddTeam("app");
  EndLook();
  EXPECT_EQ(second, 2u);
}

TEST_F(FeedTest, ALookThatEndsTooLateIsSeenByNobody) {
  holds_looks_ = true;
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  AddTeam("web");
  feed_.reset();
  EndLook();
  EXPECT_EQ(watcher.news, 0);
}

TEST_F(FeedTest, HostsAreAskedOneAfterTheOtherAndWhatTheySaidLastIsShown) {
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  EXPECT_THAT(asked_, SizeIs(1));
  Pass(3 * Feed::kAskHostsEvery);
  EXPECT_THAT(asked_, SizeIs(1)) << "they have not answered";
  AnswerHosts({{.link_id = "link-1"}});
  while (loop_.RunReady()) {
  }
  EXPECT_THAT(seen_hosts_, SizeIs(1));
  Pass(Feed::kLookEvery);
  EXPECT_THAT(asked_, SizeIs(1)) << "it is their turn again";
  EXPECT_THAT(seen_hosts_, SizeIs(1));
}

TEST_F(FeedTest, WhatCannotBeReadStaysAsItWas) {
  AddTeam("web");
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  failure_ = MakeFailure(v1::FAILURE_STORAGE, "the disk is full");
  Pass(absl::Seconds(2));
  EXPECT_EQ(watcher.news, 0);
  EXPECT_THAT(All().state.teams, SizeIs(1));
}

TEST_F(FeedTest, AWatcherMayLeaveAndTakeAnotherWithItWhenItHearsOfNews) {
  Watcher first, second;
  for (Watcher* watcher : {&first, &second}) {
    ASSERT_TRUE(feed_->Watch(watcher).ok());
    watcher->on_news = [&] {
      feed_->Unwatch(&first);
      feed_->Unwatch(&second);
    };
  }
  AddTeam("web");
  Pass(Feed::kLookEvery);
  EXPECT_EQ(first.news + second.news, 1);
}

TEST_F(FeedTest, OneMoreThanMayWatchIsRefused) {
  std::vector<Watcher> watchers(Feed::kWatchersMax + 1);
  for (size_t i = 0; i < Feed::kWatchersMax; ++i) ASSERT_TRUE(feed_->Watch(&watchers[i]).ok());
  EXPECT_EQ(KindOf(feed_->Watch(&watchers.back())), v1::FAILURE_BUSY_LIMIT);
  feed_->Unwatch(&watchers.front());
  EXPECT_TRUE(feed_->Watch(&watchers.back()).ok());
}

TEST_F(FeedTest, HostsThatAnswerTooLateAnswerNobody) {
  Watcher watcher;
  ASSERT_TRUE(feed_->Watch(&watcher).ok());
  feed_.reset();
  AnswerHosts({});
  Pass(absl::Seconds(2));
  EXPECT_EQ(watcher.news, 0);
}

}  // namespace
}  // namespace iris
