#include "coordinator/link/stop_reach.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/resolver.h"
#include "coordinator/link/stop_agents.h"
#include "coordinator/link/stop_agents_fixture.h"
#include "coordinator/link/target.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/fake_target.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AgentList : public PlacedAgents {
 public:
  void Note(const std::string&, const std::string&, const RemoteWay&) override {}
  void Forget(const std::string& place) override { forgotten.push_back(place); }
  void NoteAttempt(const std::string&, const std::string&, const RemoteWay&) override {}
  void NoteAttemptEnd(const std::string&, bool) override {}
  void NoteTried(const std::vector<std::string>&) override {}
  absl::StatusOr<std::vector<PlacedAgent>> All(const SharedEnvironment&) override { return all; }

  std::vector<PlacedAgent> all;
  std::vector<std::string> forgotten;
};

// An attempt of an earlier life to reach the host a, as an account that a variable says.
class StopReachTest : public StopAgentsTest {
 protected:
  StopReachTest() {
    Host("a").CallItself("a");
    OnLoop([this] { resolver_ = std::make_unique<Resolver>(loop_.loop()); });
  }
  ~StopReachTest() override {
    OnLoop([this] { resolver_.reset(); });
  }
  static RemoteWay WayOf(const std::string& account) {
    RemoteWay way;
    way.remote.text = "reach " + account + "@a";
    return way;
  }
  // A stop by somebody whose variable says `account`.
  void StopAs(const std::string& account) { StopWhere(attempt_, account); }
  // The same, where an agent is known at `place`.
  void StopWhere(const std::string& place, const std::string& account) {
    OnLoop([&] {
      placed_.all.push_back({.place = place, .name = "a", .way = WayOf(account)});
      StopAgentsCall& stop = Stop(answer_);
      stop.on_gone = [this](const std::string& place) { placed_.Forget(place); };
      ReachOthers(
          stop, placed_, /*asked=*/{}, /*env=*/nullptr, *resolver_,
          [](const RemoteWay& way) { return FakeTarget::Make(way); },
          [this](const ResolvedTarget&) -> HostLink& { return Link("a"); });
      stop.Begin();
    });
    ASSERT_TRUE(answer_.Wait());
  }

  const std::string attempt_ = PlaceOfAttempt(WayOf("me"), "a link");
  AgentList placed_;
  std::unique_ptr<Resolver> resolver_;
  Answer answer_;
};

TEST_F(StopReachTest, WhatAnAttemptHasStartedIsStopped) {
  ASSERT_NO_FATAL_FAILURE(StopAs("me"));
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems, IsEmpty());
  OnLoop([this] { EXPECT_EQ(placed_.forgotten.front(), attempt_); });
}

TEST_F(StopReachTest, WhereItsWayLeadsElsewhereNowThatIsSaidOfItsKind) {
  ASSERT_NO_FATAL_FAILURE(StopWhere("another\nme\n/data", "me"));
  EXPECT_THAT(answer_.stopped, ElementsAre("a"));
  EXPECT_THAT(answer_.problems,
              ElementsAre(HasSubstr("wrong_host: agent on a: fake led to another host")));
}

TEST_F(StopReachTest, WhatMayRunElsewhereByItsVariablesIsNamed) {
  ASSERT_NO_FATAL_FAILURE(StopAs("another"));
  EXPECT_THAT(answer_.stopped, IsEmpty());
  EXPECT_THAT(answer_.problems, ElementsAre(HasSubstr("wrong_host: agent on a: one may have")));
  EXPECT_EQ(Host("a").attempts(), 0);
  OnLoop([this] { EXPECT_THAT(placed_.forgotten, IsEmpty()); });
}

}  // namespace
}  // namespace iris
