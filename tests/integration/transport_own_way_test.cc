// Senders whose environments lead to the same host, and to others, over the session's own way.

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/link/lent_env.h"
#include "coordinator/link/target.h"
#include "coordinator/link/team_link.h"
#include "gtest/gtest.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

// ssh is led by TO: to `one`, which is host_, or `two`.
class TransportOwnWayTest : public TransportTest {
 protected:
  TransportOwnWayTest() {
    OnLoop([this] {
      transport_.reset();
      AddHost("one", host_);
      AddHost("two", two_);
      way_ = std::make_unique<TeamLink>(
          loop_.loop(), "gpu", "gpu1",
          TeamLink::Ways{
              .resolve = [this](const SharedEnvironment& env, auto then) { Resolve(env, then); },
              .find = [this](const ResolvedTarget& to) -> SharedLink& { return hosts_.at(to.key); },
              .left = [] {}});
    });
    team_.asker.environment = Leading("one");
    OnLoop([this] {
      transport_ = std::make_unique<AgentTransport>(
          loop_.loop(), *way_, identity_, team_,
          SessionKey{.session_id = session_id_, .from = "cli", .to = "gpu"}, ReadMark(), sink_);
    });
  }
  ~TransportOwnWayTest() override {
    OnLoop([this] {
      transport_.reset();
      way_.reset();
      hosts_.clear();
    });
  }
  void AddHost(const std::string& key, InProcessHost& host) {
    SharedLink& shared = hosts_[key];
    shared.key = shared.name = key;
    shared.lent = std::make_shared<LentEnv>();
    shared.link = std::make_unique<HostLink>(loop_.loop(), calls_, key, host.MakeConnector());
  }
  template <typename Then>
  void Resolve(const SharedEnvironment& env, const Then& then) {
    ResolvedTarget to;
    to.key = to.name = env->at("TO");
    loop_.loop().Post([then, to] {
      if (to.key == "nowhere") return then(MakeFailure(v1::FAILURE_BAD_REQUEST, "nowhere"));
      then(to);
    });
  }
  static SharedEnvironment Leading(const std::string& to, const std::string& window = "1") {
    return std::make_shared<const Environment>(Environment{
        {"PATH", "/usr/bin:/bin"}, {"IS_SANDBOX", "1"}, {"TO", to}, {"WINDOWID", window}});
  }
  // As whoever has this environment asks.
  Outcome AskAs(const SharedEnvironment& sender, const std::string& text) {
    const std::string id = NewUuid();
    OnLoop([&] {
      team_.asker.environment = sender;
      transport_->UseAskerOf(team_);
      transport_->Tell(id, text);
    });
    return sink_.WaitFor(id);
  }

  ScratchDir two_home_;
  InProcessHost two_{two_home_.path(), KeeperProgram(), "/usr/bin:/bin", "two"};
  std::map<std::string, SharedLink> hosts_;
  std::unique_ptr<TeamLink> way_;
};

TEST_F(TransportOwnWayTest, EachMessageGoesWhereItsOwnSendersEnvironmentLeads) {
  EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "1");
  EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "2");
  EXPECT_EQ(AskAs(Leading("two"), "COUNT").text, "1") << "of the other host";
  EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "3") << "and back";
}

TEST_F(TransportOwnWayTest, WhatDiffersAndLeadsToTheSameHostChangesNothing) {
  const std::shared_ptr<const LinkLife> before = [this] {
    EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "1");
    std::shared_ptr<const LinkLife> life;
    OnLoop([&] { life = way_->life(); });
    return life;
  }();
  EXPECT_EQ(AskAs(Leading("one", "2"), "COUNT").text, "2");
  OnLoop([&] { EXPECT_EQ(way_->life(), before); });
}

TEST_F(TransportOwnWayTest, WhatAHostHasIsReadThereWhoeverAsksForIt) {
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForText(id);
  OnLoop([&] {
    team_.asker.environment = Leading("two");
    transport_->UseAskerOf(team_);
  });
  LetGo();
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
  EXPECT_FALSE(two_.busy());
  EXPECT_EQ(AskAs(Leading("two"), "COUNT").text, "1");
}

TEST_F(TransportOwnWayTest, AWakeGoesTheWayOfWhoAsksForItToo) {
  EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "1");
  OnLoop([&] {
    team_.asker.environment = Leading("two");
    transport_->UseAskerOf(team_);
    EXPECT_FALSE(transport_->ready()) << "what is ready may be somebody else's";
    transport_->Spawn();
  });
  EXPECT_TRUE(Eventually([this] {
    bool ready = false;
    OnLoop([&] { ready = transport_->ready(); });
    return ready;
  }));
  EXPECT_EQ(AskAs(Leading("two"), "COUNT").text, "1");
}

TEST_F(TransportOwnWayTest, WhoseEnvironmentLeadsNowhereIsAnsweredByNobody) {
  EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "1");
  EXPECT_EQ(KindOf(AskAs(Leading("nowhere"), "COUNT").status), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(AskAs(Leading("one"), "COUNT").text, "2");
}

}  // namespace
}  // namespace iris
