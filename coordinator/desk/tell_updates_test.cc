#include "coordinator/desk/tell_updates.h"

#include <memory>
#include <string>

#include "absl/synchronization/notification.h"
#include "common/base/ids.h"
#include "coordinator/desk/answer_text.h"
#include "coordinator/desk/desk_fixture.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class TellUpdatesTest : public DeskTest {
 protected:
  void SetUp() override {
    script_ = HoldScript;
    DeskTest::SetUp();
    OnLoop([this] {
      answer_text_ = std::make_unique<AnswerText>(thread_.loop(), *desk_, *budget_, [] {});
      updates_ = std::make_unique<TellUpdates>(id_, *answer_text_, [this] { LookForTheEnd(); });
      ASSERT_TRUE(
          desk_->Tell({.tell_id = id_, .from = "cli", .to = "gpu", .text = "x"}, updates_.get())
              .ok());
    });
    AwaitUnderWay(id_);
  }
  void TearDown() override {
    OnLoop([this] {
      desk_->RemoveObserver(id_, updates_.get());
      updates_.reset();
      answer_text_.reset();
    });
    DeskTest::TearDown();
  }

  // The next update; nothing set: there is none now.
  v1::TellUpdate Next() {
    v1::TellUpdate update;
    OnLoop([&] { update = updates_->Next()->value_or(v1::TellUpdate()); });
    return update;
  }
  void Answer(const std::string& text) {
    OnLoop([&] { EchoScript(factory_->Between("cli", "gpu"), id_, text); });
    settled_.WaitForNotification();
  }
  void LookForTheEnd() {
    if (updates_->settled() && !settled_.HasBeenNotified()) settled_.Notify();
  }

  const std::string id_ = NewUuid();
  absl::Notification settled_;
  std::unique_ptr<AnswerText> answer_text_;
  std::unique_ptr<TellUpdates> updates_;
};

TEST_F(TellUpdatesTest, AcceptedComesFirstAndSettledLastWithTheAnswerBetween) {
  EXPECT_EQ(Next().accepted().tell_id(), id_);
  Answer("hello");
  std::string answer;
  v1::TellUpdate update = Next();
  for (; update.has_progress(); update = Next()) {
  }
  for (; update.kind_case() == v1::TellUpdate::kAnswer; update = Next()) answer += update.answer();
  EXPECT_EQ(answer, "hello");
  EXPECT_TRUE(update.has_settled());
  EXPECT_EQ(update.settled().answer_bytes(), 5u);
  OnLoop([this] { EXPECT_TRUE(updates_->all_sent()); });
  EXPECT_EQ(Next().kind_case(), v1::TellUpdate::KIND_NOT_SET);
}

TEST_F(TellUpdatesTest, AReaderThatIsSlowMissesWhatIsOldAndNothingPilesUp) {
  OnLoop([this] {
    TellObserver& observer = *updates_;
    for (const char* text : {"connecting", "starting", "working"}) {
      v1::TellProgress progress;
      progress.set_text(text);
      observer.OnProgress(progress);
    }
  });
  EXPECT_TRUE(Next().has_accepted());
  EXPECT_EQ(Next().progress().text(), "working");
  EXPECT_EQ(Next().kind_case(), v1::TellUpdate::KIND_NOT_SET);
}

TEST_F(TellUpdatesTest, ALongAnswerComesInFramesAndIsNotHeldBeyondThem) {
  const std::string text(1 << 20, 'x');
  Answer(text);
  std::string answer;
  for (v1::TellUpdate update = Next(); !update.has_settled(); update = Next()) {
    ASSERT_NE(update.kind_case(), v1::TellUpdate::KIND_NOT_SET);
    EXPECT_LE(update.answer().size(), 256u << 10);
    answer += update.answer();
  }
  EXPECT_TRUE(answer == text);
  OnLoop([this] { EXPECT_EQ(budget_->held(), 0u); });
}

}  // namespace
}  // namespace iris
