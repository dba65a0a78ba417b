#include "coordinator/link/stop_agents.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/stop_agents_fixture.h"
#include "coordinator/link/testing/fake_host.h"
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

TEST_F(StopAgentsTest, WhereNoneTurnsOutToBeIsNoProblemButIsWaitedFor) {
  Answer answer;
  uint64_t expected = 0;
  OnLoop([&] {
    StopAgentsCall& stop = Stop(answer);
    expected = stop.Expect("local", /*place=*/"");
    stop.Begin();
  });
  OnLoop([&] {
    EXPECT_FALSE(answer.told.HasBeenNotified());
    stops_.front()->NoneThere(expected);
  });
  ASSERT_TRUE(answer.Wait());
  EXPECT_THAT(answer.stopped, IsEmpty());
  EXPECT_THAT(answer.problems, IsEmpty());
}

}  // namespace
}  // namespace iris
