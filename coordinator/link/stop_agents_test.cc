#include "coordinator/link/stop_agents.h"

#include <cstdint>
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
#include "coordinator/link/host_report.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(60);

// What one stop answers.
struct Answer {
  std::vector<std::string> stopped;
  std::vector<std::string> problems;
  absl::Notification told;

  StopAgentsDone Done() {
    return [this](std::vector<std::string> names, std::vector<std::string> why) {
      stopped = std::move(names);
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
        std::make_unique<StopAgentsCall>(loop_.loop(), calls_, request_, answer.Done(), deadline));
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

  v1::ShutdownRequest request_;
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
  EXPECT_THAT(answer.stopped, SizeIs(2));
  EXPECT_THAT(answer.problems, IsEmpty());
  EXPECT_EQ(Host("a").shutdowns() + Host("b").shutdowns(), 1);
  EXPECT_EQ(Host("c").shutdowns(), 1);
  OnLoop([&] { EXPECT_TRUE(Link("b").retired()) << "its agent goes, and is not to come back"; });
}

TEST_F(StopAgentsTest, NobodyToAskIsAnAnswer) {
  Answer answer;
  StopAll(answer, {});
  ASSERT_TRUE(answer.Wait());
  EXPECT_THAT(answer.stopped, IsEmpty());
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
  EXPECT_THAT(first.stopped, ElementsAre("a"));
  EXPECT_THAT(second.stopped, ElementsAre("a"));
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
  EXPECT_THAT(second.stopped, ElementsAre("a"));
  EXPECT_FALSE(first.told.HasBeenNotified());
}

TEST_F(StopAgentsTest, AnAgentThatCannotBeReachedIsAProblem) {
  Host("a").AnswerWith(MakeFailure(v1::FAILURE_STORAGE, "DETAIL"));
  Answer answer;
  StopAll(answer, {"a"});
  ASSERT_TRUE(answer.Wait());
  EXPECT_THAT(answer.stopped, IsEmpty());
  EXPECT_THAT(answer.problems,
              ElementsAre(AllOf(HasSubstr("storage: agent on a: "), HasSubstr("DETAIL"))));
  OnLoop([&] { EXPECT_TRUE(Link("a").retired()); });
}

TEST_F(StopAgentsTest, AnAgentThatStaysIsAProblemAndItsLinkIsClosed) {
  request_.set_coordinator_id("us");
  for (const char* name : {"stays", "goes", "stays too"}) {
    Host(name).CallItself(std::string(name) == "goes" ? "one" : "another");
    BringUp(name);
  }
  Host("stays").AnswerShutdown(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "1 of team gpu"));
  Answer answer;
  StopAll(answer, {"stays", "goes", "stays too"});
  ASSERT_TRUE(answer.Wait());
  EXPECT_EQ(Host("stays").last_shutdown().coordinator_id(), "us");
  EXPECT_THAT(answer.stopped, ElementsAre("goes"));
  EXPECT_THAT(answer.problems,
              ElementsAre(AllOf(HasSubstr("agent on stays: "), HasSubstr("1 of team gpu"))));
  OnLoop([&] {
    EXPECT_EQ(Link("stays").life(), nullptr) << "nobody waits for its end";
    EXPECT_EQ(Link("stays too").life(), nullptr);
  });
}

// An agent whose link is looked for first.
class StopExpectedTest : public StopAgentsTest {
 protected:
  // Where the host is that calls itself so.
  static std::string Place(const std::string& host_id) {
    v1::Hello hello;
    hello.set_host_id(host_id);
    return PlaceOf(hello);
  }
  StopAgentsCall& Begin() {
    StopAgentsCall& stop = Stop(answer_);
    stop.on_gone = [this](const std::string& place) { gone_.push_back(place); };
    return stop;
  }

  Answer answer_;
  std::vector<std::string> gone_;
};

TEST_F(StopExpectedTest, WhatIsFoundIsAskedAndWhatIsNotIsAProblem) {
  Host("a").CallItself("a");
  Host("c").AnswerWith(MakeFailure(v1::FAILURE_UNREACHABLE, "no route"));
  OnLoop([&] {
    StopAgentsCall& stop = Begin();
    const uint64_t a = stop.Expect("a", Place("a")), b = stop.Expect("b", Place("b")),
                   c = stop.Expect("c", Place("c"));
    stop.Begin();
    stop.Found(a, Link("a"));
    stop.NotFound(b, MakeFailure(v1::FAILURE_BAD_REQUEST, "no such keyword"));
    stop.Found(c, Link("c"));
  });
  ASSERT_TRUE(answer_.Wait());
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems,
              ElementsAre(AllOf(HasSubstr("bad_request: agent on b: no such keyword")),
                          HasSubstr("unreachable: agent on c: no route")));
  EXPECT_THAT(gone_, ElementsAre(Place("a")));
}

TEST_F(StopExpectedTest, WhereAnotherAgentIsByNowThatIsStoppedAndBothAreSaid) {
  Host("a").CallItself("new");
  OnLoop([&] {
    StopAgentsCall& stop = Begin();
    const uint64_t before = stop.Expect("a", Place("old")), now = stop.Expect("a", Place("new"));
    stop.Begin();
    stop.Found(before, Link("a"));
    stop.Found(now, Link("a"));
  });
  ASSERT_TRUE(answer_.Wait());
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems, ElementsAre(HasSubstr("wrong_host: agent on a: ")));
  EXPECT_THAT(gone_, ElementsAre(Place("old"), Place("new")));
  EXPECT_EQ(Host("a").attempts(), 1);
  EXPECT_EQ(Host("a").shutdowns(), 1);
}

TEST_F(StopExpectedTest, ALinkThatIsUpIsAskedAtOnce) {
  Host("a").CallItself("a");
  BringUp("a");
  OnLoop([&] {
    StopAgentsCall& stop = Begin();
    const uint64_t a = stop.Expect("a", Place("a"));
    stop.Begin();
    stop.Found(a, Link("a"));
  });
  ASSERT_TRUE(answer_.Wait());
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems, IsEmpty());
}

TEST_F(StopExpectedTest, WhatIsNotFoundInTimeIsAProblem) {
  uint64_t a = 0;
  OnLoop([&] {
    StopAgentsCall& stop = Stop(answer_, absl::Milliseconds(10));
    a = stop.Expect("a", Place("a"));
    stop.Begin();
  });
  ASSERT_TRUE(answer_.Wait());
  EXPECT_THAT(answer_.problems, ElementsAre(HasSubstr("timeout: agent on a: no answer within")));
  OnLoop([&] { stops_.back()->Found(a, Link("a")); });
  EXPECT_EQ(Host("a").attempts(), 0);
}

// An agent that does not know whose messages it is to spare.
class StopOlderAgentTest : public StopAgentsTest {
 protected:
  StopOlderAgentTest() {
    request_.set_coordinator_id("us");
    Host("old").CallItself("old");
    Host("old").RunsBuild(4);
  }
  void Holds(const std::string& coordinator_id, uint32_t waiting, const std::string& in_flight) {
    v1::SessionInfo& session = *sessions_.add_sessions();
    session.set_coordinator_id(coordinator_id);
    session.set_label("me@desktop");
    session.set_team("gpu");
    session.set_tells_waiting(waiting);
    session.set_tell_in_flight(in_flight);
    Host("old").Holds(sessions_);
  }
  void StopIt() {
    BringUp("old");
    StopAll(answer_, {"old"});
    ASSERT_TRUE(answer_.Wait());
  }

  v1::ListResponse sessions_;
  Answer answer_;
};

TEST_F(StopOlderAgentTest, ItStaysWhereOthersHaveMessagesOpen) {
  Holds("us", 3, "a tell");
  Holds("them", 2, "another");
  ASSERT_NO_FATAL_FAILURE(StopIt());
  EXPECT_THAT(answer_.stopped, IsEmpty());
  EXPECT_THAT(answer_.problems,
              ElementsAre(AllOf(HasSubstr("agent on old: it is of an older build"),
                                HasSubstr("3 of team gpu (me@desktop)"), HasSubstr("--force"))));
  EXPECT_EQ(Host("old").shutdowns(), 0);
  OnLoop([&] { EXPECT_EQ(Link("old").life(), nullptr) << "nobody waits for its end"; });
}

TEST_F(StopOlderAgentTest, ItEndsWhereTheyHaveNone) {
  Holds("us", 3, "a tell");
  Holds("them", 0, "");
  ASSERT_NO_FATAL_FAILURE(StopIt());
  EXPECT_THAT(answer_.stopped, ElementsAre("old"));
  EXPECT_EQ(Host("old").shutdowns(), 1);
}

TEST_F(StopOlderAgentTest, ItEndsWhereAPersonSaysSo) {
  request_.set_force(true);
  Holds("them", 2, "");
  ASSERT_NO_FATAL_FAILURE(StopIt());
  EXPECT_THAT(answer_.stopped, ElementsAre("old"));
}

TEST_F(StopOlderAgentTest, ANewerOneIsNotAskedButDecidesItself) {
  Host("old").RunsBuild(5);
  Holds("them", 2, "");
  ASSERT_NO_FATAL_FAILURE(StopIt());
  EXPECT_THAT(answer_.stopped, ElementsAre("old"));
  EXPECT_EQ(Host("old").last_shutdown().coordinator_id(), "us");
}

TEST_F(StopAgentsTest, WhatEndsWithAnAgentThatIsForcedToGoIsSaid) {
  Host("a").CallItself("a");
  BringUp("a");
  v1::ShutdownResponse response;
  response.set_tells_of_others(3);
  Host("a").AnswerShutdown(absl::OkStatus(), response);
  Answer answer;
  StopAll(answer, {"a"});
  ASSERT_TRUE(answer.Wait());
  EXPECT_THAT(answer.stopped, ElementsAre("a, and with it 3 open messages of other coordinators"));
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
  EXPECT_THAT(answer.stopped, ElementsAre("up"));
  EXPECT_THAT(answer.problems,
              ElementsAre(HasSubstr("timeout: agent on silent: no answer within 2s"),
                          HasSubstr("timeout: agent on away: no answer within 2s")));
  Host("silent").Silence(false);  // Its answer comes late.
}

}  // namespace
}  // namespace iris
