// Agents whose links are not up when a stop begins.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/stop_agents.h"
#include "coordinator/link/stop_agents_fixture.h"
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
using ::testing::UnorderedElementsAre;

// What an attempt that was under way when the stop began comes to.
class StopAttemptTest : public StopAgentsTest {
 protected:
  void StopWhileItConnects() {
    Host("a").Hold();
    OnLoop([&] {
      Link("a").AddObserver(&recorder_);
      Link("a").Want(&recorder_);
      StopAgentsCall& stop = Stop(answer_);
      stop.AwaitAndAskIfAny(Link("a"), "a");
      stop.Begin();
    });
    Host("a").Release();
    ASSERT_TRUE(answer_.Wait());
    OnLoop([&] {
      EXPECT_TRUE(Link("a").retired());
      Link("a").RemoveObserver(&recorder_);
    });
  }

  LinkRecorder recorder_;
  Answer answer_;
};

TEST_F(StopAttemptTest, AnAgentThatItStartsIsStopped) {
  ASSERT_NO_FATAL_FAILURE(StopWhileItConnects());
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems, IsEmpty());
}

TEST_F(StopAttemptTest, AHostThatLetsNobodyInHasNone) {
  Host("a").Refuse(MakeFailure(v1::FAILURE_UNREACHABLE, "no route"));
  ASSERT_NO_FATAL_FAILURE(StopWhileItConnects());
  EXPECT_THAT(answer_.stopped, IsEmpty());
  EXPECT_THAT(answer_.problems, IsEmpty());
}

TEST_F(StopAttemptTest, WhereTheShellAnsweredOneMayBe) {
  Host("a").AnswerWith(MakeFailure(v1::FAILURE_UNREACHABLE, "no forward"));
  ASSERT_NO_FATAL_FAILURE(StopWhileItConnects());
  EXPECT_THAT(answer_.problems, ElementsAre(HasSubstr("unreachable: agent on a: no forward")));
  OnLoop([&] { EXPECT_TRUE(Link("a").may_have_started()); });
}

TEST_F(StopAttemptTest, WhereTheConnectionWasLostOneMayBe) {
  Host("a").Refuse(MakeFailure(v1::FAILURE_DROPPED, "cut"));
  ASSERT_NO_FATAL_FAILURE(StopWhileItConnects());
  EXPECT_THAT(answer_.problems, ElementsAre(HasSubstr("dropped: agent on a: cut")));
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
  EXPECT_THAT(gone_, ElementsAre(Place("new"))) << "the other one may still run";
  EXPECT_EQ(Host("a").attempts(), 1);
  EXPECT_EQ(Host("a").shutdowns(), 1);
}

TEST_F(StopExpectedTest, WhateverAnAttemptHasStartedIsStopped) {
  const std::string attempt = PlaceOfAttempt(RemoteWay(), "a link");
  Host("a").CallItself("a");
  OnLoop([&] {
    StopAgentsCall& stop = Begin();
    const uint64_t a = stop.Expect("a", attempt);
    stop.Begin();
    stop.Found(a, Link("a"));
  });
  ASSERT_TRUE(answer_.Wait());
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems, IsEmpty());
  EXPECT_THAT(gone_, ElementsAre(attempt, Place("a")));
}

// Where its link was on its way when the stop began, and has failed before it was found.
TEST_F(StopExpectedTest, HowTheLinkFailedMeanwhileIsSaidOnce) {
  Host("a").Refuse(MakeFailure(v1::FAILURE_UNREACHABLE, "no route"));
  Host("b").Refuse(MakeFailure(v1::FAILURE_DROPPED, "cut"));
  LinkRecorder recorder;
  uint64_t a = 0, b = 0;
  OnLoop([&] {
    StopAgentsCall& stop = Begin();
    a = stop.Expect("a", Place("a"));
    b = stop.Expect("b", Place("b"));
    for (const char* name : {"a", "b"}) {
      Link(name).AddObserver(&recorder);
      stop.AwaitAndAskIfAny(Link(name), name);
    }
    stop.Begin();
  });
  recorder.WaitFor(2);
  OnLoop([&] {
    stops_.back()->Found(a, Link("a"));
    stops_.back()->Found(b, Link("b"));
    for (const char* name : {"a", "b"}) Link(name).RemoveObserver(&recorder);
  });
  ASSERT_TRUE(answer_.Wait());
  EXPECT_THAT(answer_.problems, UnorderedElementsAre(HasSubstr("unreachable: agent on a: no route"),
                                                     HasSubstr("dropped: agent on b: cut")));
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

}  // namespace
}  // namespace iris
