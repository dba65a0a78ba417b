#include "coordinator/orchestrator/turn_waits.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/wait_cycles.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class Nobody : public TellObserver {
  void OnAccepted(const std::string&) override {}
  void OnProgress(const v1::TellProgress&) override {}
  void OnSettled(const TellOutcome&) override {}
};

// The sessions app and web, each in a turn and with a process.
class TurnWaitsTest : public ::testing::Test {
 protected:
  WaitCycles Now() const {
    WaitCycles cycles;
    for (const auto& [session, turn] : turns_) {
      cycles.AddSession(session, {.in_turn = !turn.empty(), .has_process = true});
    }
    waits_.AddTo(
        cycles, [this](const std::string& session) { return turns_.at(session); },
        [this](const std::string& tell_id) { return tell_id == over_; });
    return cycles;
  }
  // web, in its turn, wants to wait for app.
  bool MayWebAskApp() const { return !Now().WouldWaitForItself("web", "app"); }

  std::map<std::string, std::string> turns_ = {{"app", "app-turn"}, {"web", "web-turn"}};
  std::string over_;
  Nobody observer_, other_;
  TurnWaits waits_;
};

TEST_F(TurnWaitsTest, AWaitThatClosesACircleIsSeen) {
  EXPECT_TRUE(MayWebAskApp());
  waits_.Add("tell", "web", &observer_, "app", "app-turn");
  EXPECT_TRUE(waits_.Waits("tell", "app", "app-turn"));
  EXPECT_FALSE(MayWebAskApp());
}

TEST_F(TurnWaitsTest, WhoHasGoneWaitsNoMoreAndOthersDo) {
  waits_.Add("tell", "web", &observer_, "app", "app-turn");
  waits_.Add("tell", "web", &other_, "app", "app-turn");
  waits_.Remove("tell", &observer_);
  EXPECT_FALSE(MayWebAskApp());
  waits_.Remove("tell", &other_);
  EXPECT_TRUE(MayWebAskApp());
}

TEST_F(TurnWaitsTest, NobodyWaitsForWhatIsOverOrInATurnThatHasEnded) {
  waits_.Add("tell", "web", &observer_, "app", "app-turn");
  over_ = "tell";
  EXPECT_TRUE(MayWebAskApp());
  over_ = "";
  turns_["app"] = "the next turn";
  EXPECT_TRUE(MayWebAskApp());
  turns_["app"] = "app-turn";
  EXPECT_FALSE(MayWebAskApp());
  waits_.Forget("tell");
  EXPECT_TRUE(MayWebAskApp());
}

TEST_F(TurnWaitsTest, ARefusalSaysWhatToDoInstead) {
  waits_.Add("tell", "web", &observer_, "app", "app-turn");
  const NewWait wait = {
      .asker = "web", .turn = "web-turn", .asked = "app", .to = "app", .tell_id = "new"};
  const absl::Status sent = CheckWaitForNew(wait, Now(), /*processes_max=*/4);
  EXPECT_EQ(KindOf(sent), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(sent).fix(), HasSubstr("Answer first"));
  const absl::Status fetched = CheckWaitForKnown(wait, Now(), /*processes_max=*/4);
  EXPECT_EQ(KindOf(fetched), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(fetched).fix(), HasSubstr("End your turn"));
}

TEST_F(TurnWaitsTest, WhereAllProcessesWouldWaitNoneIsWaitedFor) {
  turns_["third"] = "third-turn";
  waits_.Add("one", "third", &observer_, "app", "app-turn");
  waits_.Add("two", "third", &observer_, "third", "third-turn");
  const NewWait wait = {
      .asker = "web", .turn = "web-turn", .asked = "new", .to = "new", .tell_id = "new"};
  EXPECT_TRUE(CheckWaitForNew(wait, Now(), /*processes_max=*/4).ok());
  EXPECT_EQ(KindOf(CheckWaitForNew(wait, Now(), /*processes_max=*/3)), v1::FAILURE_BUSY_LIMIT);
  EXPECT_EQ(KindOf(CheckWaitForKnown(wait, Now(), /*processes_max=*/3)), v1::FAILURE_BUSY_LIMIT);
}

}  // namespace
}  // namespace iris
