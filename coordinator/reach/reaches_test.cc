#include "coordinator/reach/reaches.h"

#include <memory>
#include <string>
#include <vector>

#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "coordinator/transport/transport_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

// Notes what it was asked for, and leads nowhere.
class NotedReach final : public Reach {
 public:
  explicit NotedReach(std::vector<std::string>& asked, TransportFactory* without_agent = nullptr)
      : asked_(asked), without_agent_(without_agent) {}
  TargetPtr To(const RemoteWay& way) const override {
    asked_.push_back(way.remote.destination);
    return nullptr;
  }
  TransportFactory* WithoutAgent(const RemoteWay&) const override { return without_agent_; }

 private:
  std::vector<std::string>& asked_;
  TransportFactory* const without_agent_;
};

TEST(ReachesTest, AWayIsItsKindsToTake) {
  std::vector<std::string> of_ssh, of_another;
  Reaches reaches;
  reaches.Add("another", std::make_unique<NotedReach>(of_another));
  EXPECT_FALSE(reaches.complete());
  reaches.Add("ssh", std::make_unique<NotedReach>(of_ssh));
  EXPECT_TRUE(reaches.complete());
  RemoteWay way;
  way.remote.program = "ssh";
  way.remote.destination = "gpu1";
  reaches.To(way);
  EXPECT_THAT(of_ssh, ElementsAre("gpu1"));
  EXPECT_THAT(of_another, ElementsAre());
}

TEST(ReachesTest, AKindMayHaveAWayWithoutAnAgent) {
  EventLoop loop;
  FakeTransportFactory transports(loop, EchoScript);
  std::vector<std::string> asked;
  Reaches reaches;
  reaches.Add("ssh", std::make_unique<NotedReach>(asked));
  RemoteWay way;
  way.remote.program = "ssh";
  EXPECT_EQ(reaches.WithoutAgent(way), nullptr);
  reaches.Add("ssh", std::make_unique<NotedReach>(asked, &transports));
  EXPECT_EQ(reaches.WithoutAgent(way), &transports);
}

}  // namespace
}  // namespace iris
