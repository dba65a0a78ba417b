#include "coordinator/link/stop_agents.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(60);

// What one stop answers.
struct Answer {
  int stopped = -1;
  std::vector<std::string> problems;
  absl::Notification told;

  StopAgentsCall::Done Done() {
    return [this](int count, std::vector<std::string> why) {
      stopped = count;
      problems = std::move(why);
      told.Notify();  // Twice: aborts.
    };
  }
  bool Wait() { return told.WaitForNotificationWithTimeout(kPatience); }
};

class StopAgentsTest : public ::testing::Test {
 protected:
  StopAgentsTest() { KeepGrpcClientThreads(); }
  ~StopAgentsTest() override {
    OnLoop([this] {
      stops_.clear();
      links_.clear();
    });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }

  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  FakeHost& Host(const std::string& name) { return hosts_[name]; }
  HostLink& Link(const std::string& name) {
    std::unique_ptr<HostLink>& link = links_[name];
    if (link == nullptr) {
      link = std::make_unique<HostLink>(loop_.loop(), calls_, name, Host(name).MakeConnector());
    }
    return *link;
  }
  void BringUp(const std::string& name) {
    LinkRecorder recorder;
    OnLoop([&] {
      Link(name).AddObserver(&recorder);
      Link(name).Want(&recorder);
    });
    EXPECT_THAT(recorder.WaitFor(1), ElementsAre("up"));
    OnLoop([&] { Link(name).RemoveObserver(&recorder); });
  }
  StopAgentsCall& Stop(Answer& answer, absl::Duration deadline = StopAgentsCall::kDeadline) {
    return *stops_.emplace_back(
        std::make_unique<StopAgentsCall>(loop_.loop(), calls_, answer.Done(), deadline));
  }
  // As the table does it.
  void StopAll(Answer& answer, const std::vector<std::string>& names,
               absl::Duration deadline = StopAgentsCall::kDeadline) {
    OnLoop([&] {
      StopAgentsCall& stop = Stop(answer, deadline);
      for (const std::string& name : names) {
        const std::shared_ptr<LinkLife> life = Link(name).life();
        if (life != nullptr) {
          stop.Ask(Link(name), name, life);
        } else {
          stop.AwaitAndAsk(Link(name), name);
        }
      }
      stop.Begin();
      EXPECT_FALSE(answer.told.HasBeenNotified()) << "from inside";
    });
  }

  std::map<std::string, FakeHost> hosts_;
  LoopThread loop_;
  OutstandingCalls calls_;
  std::map<std::string, std::unique_ptr<HostLink>> links_;
  std::vector<std::unique_ptr<StopAgentsCall>> stops_;
};

TEST_F(StopAgentsTest, EveryAgentIsAskedOnceHoweverManyLinksLeadToIt) {
  for (const char* name : {"a", "b", "c"}) {
    Host(name).CallItself(std::string(name) == "c" ? "one" : "another");
    BringUp(name);
  }
  Answer answer;
  StopAll(answer, {"a", "b", "c"});
  ASSERT_TRUE(answer.Wait());
  EXPECT_EQ(answer.stopped, 2);
  EXPECT_THAT(answer.problems, IsEmpty());
  EXPECT_EQ(Host("a").shutdowns() + Host("b").shutdowns(), 1);
  EXPECT_EQ(Host("c").shutdowns(), 1);
  OnLoop([&] { EXPECT_TRUE(Link("b").retired()) << "its agent goes, and is not to come back"; });
}

TEST_F(StopAgentsTest, NobodyToAskIsAnAnswer) {
  Answer answer;
  StopAll(answer, {});
  ASSERT_TRUE(answer.Wait());
  EXPECT_EQ(answer.stopped, 0);
  EXPECT_THAT(answer.problems, IsEmpty());
}

TEST_F(StopAgentsTest, OverlappingOnesWaitForTheSameLinkAndEachIsAnswered) {
  Host("a").Hold();
  Answer first, second;
  StopAll(first, {"a"});
  StopAll(second, {"a"});
  Host("a").Release();
  ASSERT_TRUE(first.Wait());
  ASSERT_TRUE(second.Wait());
  EXPECT_EQ(first.stopped, 1);
  EXPECT_EQ(second.stopped, 1);
  EXPECT_EQ(Host("a").attempts(), 1);
}

TEST_F(StopAgentsTest, OneThatGoesLeavesTheLinkToTheOther) {
  Host("a").Hold();
  Answer first, second;
  StopAll(first, {"a"});
  StopAll(second, {"a"});
  OnLoop([&] { stops_.erase(stops_.begin()); });
  Host("a").Release();
  ASSERT_TRUE(second.Wait());
  EXPECT_EQ(second.stopped, 1);
  EXPECT_FALSE(first.told.HasBeenNotified());
}

TEST_F(StopAgentsTest, AnAgentThatCannotBeReachedIsAProblem) {
  Host("a").AnswerWith(MakeFailure(v1::FAILURE_STORAGE, "DETAIL"));
  Answer answer;
  StopAll(answer, {"a"});
  ASSERT_TRUE(answer.Wait());
  EXPECT_EQ(answer.stopped, 0);
  EXPECT_THAT(answer.problems,
              ElementsAre(AllOf(HasSubstr("storage: agent on a: "), HasSubstr("DETAIL"))));
  OnLoop([&] { EXPECT_TRUE(Link("a").retired()); });
}

TEST_F(StopAgentsTest, WhoDoesNotAnswerInTimeIsAProblemAndHoldsUpNobody) {
  for (const char* name : {"up", "silent"}) {
    Host(name).CallItself(name);
    BringUp(name);
  }
  Host("silent").Silence(true);
  Host("away").Hold();
  Answer answer;
  StopAll(answer, {"up", "silent", "away"}, absl::Seconds(2));
  ASSERT_TRUE(answer.Wait());
  EXPECT_EQ(answer.stopped, 1);
  EXPECT_THAT(answer.problems,
              ElementsAre(HasSubstr("timeout: agent on silent: no answer within 2s"),
                          HasSubstr("timeout: agent on away: no answer within 2s")));
  Host("silent").Silence(false);  // Its answer comes late.
}

}  // namespace
}  // namespace iris
