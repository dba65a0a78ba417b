#include "coordinator/transport/agent_transport_factory.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/budget/byte_budget.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link.h"
#include "coordinator/link/link_table.h"
#include "coordinator/link/testing/fake_link.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/sink_recorder.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "coordinator/transport/transport.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

// All ways are one link.
class OneLink final : public LinkTable {
 public:
  Link& MakeFor(const Team&) override { return link_; }
  void KeepTeams(const std::set<std::string>&) override {}
  std::vector<v1::LinkStatus> Status() const override { return {}; }
  void AskHosts(HostReportsDone) override {}
  void StopAgents(bool, const SharedEnvironment&, StopAgentsDone) override {}

 private:
  FakeLink link_;
};

class AgentTransportFactoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Transport> WithoutAgent(const Team& team, FactoryWithoutAgent kinds) {
    const std::unique_ptr<TransportFactory> factory = MakeTransportFactory(
        loop_, links_, {.id = "me", .label = "me@here"}, budget_, std::move(kinds));
    return factory->MakeWithoutAgent(team, key_, ReadMark(), sink_);
  }

  EventLoop loop_;
  OneLink links_;
  ByteBudget budget_{loop_};
  SinkRecorder sink_;
  FakeTransportFactory others_{loop_, EchoScript};
  const SessionKey key_ = {.session_id = "session", .from = "cli", .to = "gpu"};
  const Team local_{.name = "gpu"};
  const Team remote_{
      .name = "gpu",
      .remote = RemoteCommand{.text = "reach gpu1", .program = "reach", .destination = "gpu1"}};
};

TEST_F(AgentTransportFactoryTest, TheKindOfTheHostMakesWhatNeedsNoAgent) {
  std::string asked;
  const FactoryWithoutAgent kinds = [&](const RemoteWay& way) {
    asked = way.remote.destination;
    return &others_;
  };
  EXPECT_NE(WithoutAgent(remote_, kinds), nullptr);
  EXPECT_EQ(asked, "gpu1");
  EXPECT_TRUE(others_.made("cli", "gpu"));
}

TEST_F(AgentTransportFactoryTest, WhereTheKindHasNoneThereIsNone) {
  EXPECT_EQ(WithoutAgent(remote_, [](const RemoteWay&) { return nullptr; }), nullptr);
  EXPECT_EQ(WithoutAgent(remote_, nullptr), nullptr);
  EXPECT_EQ(WithoutAgent(local_, [this](const RemoteWay&) { return &others_; }), nullptr)
      << "this machine is no host of a kind";
  EXPECT_EQ(others_.made(), 0);
}

}  // namespace
}  // namespace iris
