#include "coordinator/desk/coordinator_desk.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/desk/desk_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Listener : public TellObserver {
 public:
  void OnAccepted(const std::string&) override { accepted = true; }
  void OnProgress(const v1::TellProgress&) override {}
  void OnSettled(const TellOutcome& outcome) override {
    answer = *outcome.answer;
    settled.Notify();
  }

  bool accepted = false;
  std::string answer = "none yet";
  absl::Notification settled;
};

SharedEnvironment With(const std::string& name, const std::string& value) {
  return std::make_shared<const Environment>(Environment{{name, value}});
}

class CoordinatorDeskTest : public DeskTest {
 protected:
  std::string Sent(TellObserver& observer, const Caller& from = "cli") {
    const std::string id = NewUuid();
    OnLoop([&] {
      EXPECT_TRUE(
          desk_->Tell({.tell_id = id, .from = from, .to = "gpu", .text = "hello"}, &observer).ok());
    });
    return id;
  }
  // A message that an earlier coordinator took, of a caller whose environment went with that.
  std::string LeftByAnEarlierLife(const std::string& from) {
    const std::string id = NewUuid();
    OnLoop([&] {
      ASSERT_TRUE(
          store_->AddTell(id, store_->GetOrCreateSession(from, "gpu")->session_id, "x").ok());
      ASSERT_TRUE(orchestrator_->ResumeOpenTells().ok());
    });
    return id;
  }
  // Somebody with that environment lists all messages.
  void List(const SharedEnvironment& environment) {
    bool listed = false;
    OnLoop([&] {
      desk_->List("", /*all=*/false, environment, [&](const auto& tells) { listed = tells.ok(); });
    });
    EXPECT_TRUE(listed);
  }
  // The keys with which the conversation of `from` goes on.
  std::string KeysOf(const std::string& from) {
    std::string keys = "none";
    OnLoop([&] {
      const SharedEnvironment env = factory_->Between(from, "gpu").team().asker.environment;
      if (env != nullptr) keys = env->at("SSH_AUTH_SOCK");
    });
    return keys;
  }
};

TEST_F(CoordinatorDeskTest, AMessageIsAnsweredAndReadByWhoMayReadIt) {
  Listener listener;
  const std::string id = Sent(listener, "gpu");
  EXPECT_TRUE(listener.accepted);
  listener.settled.WaitForNotification();
  EXPECT_EQ(listener.answer, "hello");
  OnLoop([&] {
    EXPECT_THAT(*desk_->Unread("gpu"), SizeIs(1));
    EXPECT_EQ(KindOf(desk_->MarkRead(id, "notes@laptop")), v1::FAILURE_PERMISSION_DENIED);
    EXPECT_EQ(KindOf(desk_->MarkRead(NewUuid(), "gpu")), v1::FAILURE_BAD_REQUEST);
    EXPECT_THAT(*desk_->Unread("gpu"), SizeIs(1));
    EXPECT_TRUE(desk_->MarkRead(id, "gpu").ok());
    EXPECT_THAT(*desk_->Unread("gpu"), IsEmpty());
  });
}

TEST_F(CoordinatorDeskTest, WhoeverAsksForSomethingHasTheConfigurationLookedAt) {
  Listener listener;
  absl::Notification woken;
  Sent(listener);
  const int looks = daemon_.config_looks;
  EXPECT_GT(looks, 0);
  OnLoop([&] {
    desk_->Wake({.caller = "cli"}, "gpu", /*takeover=*/false,
                [&woken](const auto&) { woken.Notify(); });
    EXPECT_EQ(daemon_.config_looks, looks + 1);
    desk_->Teams({}).IgnoreError();
    EXPECT_EQ(daemon_.config_looks, looks + 1) << "it only looks";
  });
  woken.WaitForNotification();
  listener.settled.WaitForNotification();
}

TEST_F(CoordinatorDeskTest, WhoeverLooksAfterALeftMessageLendsItsEnvironmentAndTheFirstOneCounts) {
  script_ = HoldScript;
  const std::string id = LeftByAnEarlierLife("cli");
  Listener listener;
  List(nullptr);
  EXPECT_EQ(KeysOf("cli"), "none");
  OnLoop([&] {
    ASSERT_TRUE(desk_
                    ->Follow(id, {"cli", With("SSH_AUTH_SOCK", "/of/follow")},
                             /*asker_waits=*/false, &listener)
                    .ok());
  });
  EXPECT_EQ(KeysOf("cli"), "/of/follow");
  List(With("SSH_AUTH_SOCK", "/of/list"));
  EXPECT_EQ(KeysOf("cli"), "/of/follow");
  OnLoop([&] { desk_->RemoveObserver(id, &listener); });
}

TEST_F(CoordinatorDeskTest, NothingIsLentToAMessageThatIsAnothers) {
  script_ = HoldScript;
  const std::string id = LeftByAnEarlierLife("cli");
  absl::Notification refused;
  OnLoop([&] {
    desk_->Cancel(id, {"gpu", With("SSH_AUTH_SOCK", "/of/gpu")}, [&](const auto& result) {
      EXPECT_EQ(KindOf(result.status()), v1::FAILURE_PERMISSION_DENIED);
      refused.Notify();
    });
  });
  refused.WaitForNotification();
  EXPECT_EQ(KeysOf("cli"), "none");
}

TEST_F(CoordinatorDeskTest, TheTeamsSayWhoseClaudeAsks) {
  Listener listener;
  const std::string id = Sent(listener);
  listener.settled.WaitForNotification();
  OnLoop([&] {
    const std::string session = store_->FindTell(id)->value().session_id;
    EXPECT_EQ(desk_->Teams({.claude_session = session})->own_team(), "gpu");
    EXPECT_EQ(desk_->Teams({.claude_session = NewUuid()})->own_team(), "");
    EXPECT_EQ(desk_->Teams({})->own_team(), "");
    EXPECT_EQ(desk_->Teams({})->teams(0).path(), "/g");
    EXPECT_TRUE(desk_->ConfigProblem(nullptr).ok());
  });
}

TEST_F(CoordinatorDeskTest, TheStatusHasWhatTheDaemonTheHostsAndTheStoreSay) {
  script_ = HoldScript;
  Listener listener;
  const std::string id = Sent(listener);
  AwaitUnderWay(id);
  daemon_.link.set_id("link-1");
  daemon_.link.add_teams("gpu");
  daemon_.link.set_state(v1::LinkStatus::UP);
  OnLoop([&] {
    HostReport report = {.link_id = "link-1"};
    v1::SessionInfo* info = report.sessions.add_sessions();
    info->set_session_id(store_->FindTell(id)->value().session_id);
    info->mutable_stall()->set_kind(v1::Stall::MODEL_WAIT);
    daemon_.reports = {report};
    bool heard = false;
    desk_->Status([&](const absl::StatusOr<v1::GetStatusResponse>& status) {
      heard = true;
      EXPECT_EQ(status->uptime_ms(), 1234);
      EXPECT_EQ(status->links(0).id(), "link-1");
      EXPECT_EQ(status->sessions(0).tell_in_flight(), id);
      EXPECT_EQ(status->sessions(0).stall(), "waits for the model for 0");
      EXPECT_TRUE(status->sessions(0).is_local());
    });
    EXPECT_TRUE(heard);
  });
  OnLoop([&] { desk_->RemoveObserver(id, &listener); });
}

class Watcher : public FeedWatcher {
 public:
  explicit Watcher(std::function<void()> on_news) : on_news_(std::move(on_news)) {}
  void OnNews() override { on_news_(); }

 private:
  const std::function<void()> on_news_;
};

TEST_F(CoordinatorDeskTest, WhoeverWatchesSeesAMessageComeAndGo) {
  std::vector<std::string> seen;
  uint64_t seq = 0;
  absl::Notification come, gone;
  Watcher watcher([&] {
    const Board::News news = desk_->feed().NewsAfter(seq);
    for (const Change& change : std::get<std::vector<Change>>(news)) {
      seq = change.seq;
      if (const auto* tell = std::get_if<v1::TellSummary>(&change.what)) {
        if (!seen.empty() && seen.back() == tell->tell_id()) continue;
        seen.push_back(tell->tell_id());
        come.Notify();
      }
      const auto* end = std::get_if<ItemGone>(&change.what);
      if (end != nullptr && end->item == BoardItem::kTell) {
        seen.push_back("gone: " + end->key);
        gone.Notify();
      }
    }
  });
  OnLoop([&] {
    Board::News now;
    desk_->feed().LookAfter(0, [&now](const Board::News& news) { now = news; });
    const Snapshot all = std::get<Snapshot>(now);
    EXPECT_THAT(all.state.teams, SizeIs(1));
    EXPECT_THAT(all.state.links, SizeIs(1));
    EXPECT_THAT(all.state.tells, IsEmpty());
    seq = all.seq;
    ASSERT_TRUE(desk_->feed().Watch(&watcher).ok());
  });
  Listener listener;
  const std::string id = Sent(listener);
  listener.settled.WaitForNotification();
  come.WaitForNotification();
  OnLoop([&] { EXPECT_TRUE(desk_->MarkRead(id, "cli").ok()); });
  gone.WaitForNotification();
  OnLoop([&] {
    desk_->feed().Unwatch(&watcher);
    EXPECT_THAT(seen, ElementsAre(id, "gone: " + id));
  });
}

TEST_F(CoordinatorDeskTest, AStopSaysWhatItIsToEnd) {
  OnLoop([&] {
    uint32_t agents = 0;
    desk_->Stop({.agents = true, .force = true},
                [&](const v1::StopResponse& response) { agents = response.agents_stopped(); });
    EXPECT_EQ(agents, 2u);
    EXPECT_TRUE(daemon_.stopped.force);
  });
}

}  // namespace
}  // namespace iris
