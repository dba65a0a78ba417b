#include "coordinator/transport/host_news.h"

#include <string>
#include <utility>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/transport/part_fixture.h"
#include "coordinator/transport/tell_sender.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::Not;

using Kind = SessionNews::Kind;

class HostNewsTest : public TransportPartFixture {
 protected:
  void OnNews(std::vector<SessionNews> news, uint64_t bytes, const ReadPoint& point) override {
    news_.OnNews(std::move(news), bytes, point);
  }
  void OnOpened(const v1::ChildInfo& child) override { news_.BecomeReady(child); }
  void Say(SessionNews item) {
    std::vector<SessionNews> news;
    news.push_back(std::move(item));
    news_.OnNews(std::move(news), /*wire_bytes=*/10, point_);
  }
  // The first news of a stream.
  void SayAttached(bool known, int64_t child = 0) {
    SessionNews attached{.kind = Kind::kAttached};
    attached.known = known;
    attached.child.set_pid(child);
    Say(std::move(attached));
  }

  TellSender sender_{loop_, tells_, contact_->calls(), sink_, [] {}};
  HostNews news_{{.contact = *contact_,
                  .tells = tells_,
                  .sender = sender_,
                  .turns = turns_,
                  .child = child_,
                  .cancels = cancels_,
                  .ending = ending_,
                  .sink = sink_}};
};

TEST_F(HostNewsTest, ANewTellHasTheChildOpened) {
  ComeToAttaching();
  tells_.Add({.id = "a"});
  SayAttached(/*known=*/false);
  EXPECT_EQ(state(), TransportState::kOpening);
  BeOpened();
  EXPECT_TRUE(child_.ready());
  EXPECT_EQ(news_.bytes_read(), 10u);
}

TEST_F(HostNewsTest, WhatTheHostHasIsReadBeforeAnythingIsOpened) {
  ComeToAttaching();
  tells_.Add({.id = "a", .sent = true, .given = true});
  SayAttached(/*known=*/true, kChild);
  EXPECT_EQ(state(), TransportState::kOpen);
  ASSERT_NE(agent().open, nullptr);
  EXPECT_TRUE(agent().open->request.renew());
  EXPECT_THAT(sink_.Take(), Contains("ready 7"));
}

TEST_F(HostNewsTest, SomebodyWhoWaitsForAChildHasItOpenedAllTheSame) {
  ComeToAttaching();
  tells_.Add({.id = "a", .sent = true, .given = true});
  child_.Await();
  SayAttached(/*known=*/true);
  EXPECT_EQ(state(), TransportState::kOpening);
}

TEST_F(HostNewsTest, WhereOnlyCancelsAreToBeHeardOfNothingIsOpened) {
  cancels_.PassOn("a", /*host=*/"");
  Run();
  LinkUp();
  Grant();
  streams_.push_back(agent().attach);
  SayAttached(/*known=*/true);
  EXPECT_EQ(state(), TransportState::kCancelling);
  EXPECT_NE(agent().cancel_tell, nullptr);
  EXPECT_EQ(agent().open, nullptr);
}

TEST_F(HostNewsTest, AChildThatIsToEndIsEndedAndItsTellsAreHeardOf) {
  tells_.Add({.id = "a", .sent = true, .given = true});
  ending_.Ask([](const absl::StatusOr<bool>&) {});
  ComeToAttaching();
  SayAttached(/*known=*/true, kChild);
  EXPECT_EQ(state(), TransportState::kOpen);
  EXPECT_NE(agent().close, nullptr);
  EXPECT_EQ(agent().open, nullptr);
}

TEST_F(HostNewsTest, AnOldAgentThatHasLostATellIsNotAskedForItAgain) {
  hello_.set_build_number(4);
  ComeToAttaching();
  tells_.Add({.id = "a", .sent = true, .given = true, .begun = true});
  SayAttached(/*known=*/false);
  EXPECT_THAT(sink_.Take(), Contains("a settled ambiguous"));
}

TEST_F(HostNewsTest, WhatASinkEndsIsReadNoFurther) {
  ComeToAttaching();
  tells_.Add({.id = "a", .sent = true, .given = true});
  SayAttached(/*known=*/true, kChild);
  sink_.Take();
  sink_.on_heard = [this, is_first = true]() mutable {
    if (std::exchange(is_first, false)) contact_->Handle(TransportEvent::kStartedOver);
  };
  std::vector<SessionNews> news;
  news.push_back({.kind = Kind::kWritten, .tell_id = "a"});
  news.push_back({.kind = Kind::kText, .tell_id = "a", .text = "hello"});
  news_.OnNews(std::move(news), /*wire_bytes=*/10, point_);
  streams_.push_back(agent().attach);
  EXPECT_THAT(sink_.Take(), Not(Contains("a says hello")));
}

TEST_F(HostNewsTest, AChildThatHasExitedIsGone) {
  ComeToAttaching();
  tells_.Add({.id = "a", .sent = true, .given = true});
  SayAttached(/*known=*/true, kChild);
  sink_.Take();
  Say({.kind = Kind::kExited, .outcome = MakeFailure(v1::FAILURE_CHILD_EXITED, "it crashed")});
  EXPECT_FALSE(child_.ready());
  EXPECT_THAT(sink_.Take(), Contains("down child_exited"));
}

}  // namespace
}  // namespace iris
