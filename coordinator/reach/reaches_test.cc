#include "coordinator/reach/reaches.h"

#include <memory>
#include <string>
#include <vector>

#include "coordinator/config/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

// Notes what it was asked for, and leads nowhere.
class NotedReach final : public Reach {
 public:
  explicit NotedReach(std::vector<std::string>& asked) : asked_(asked) {}
  TargetPtr To(const RemoteWay& way) const override {
    asked_.push_back(way.remote.destination);
    return nullptr;
  }

 private:
  std::vector<std::string>& asked_;
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

}  // namespace
}  // namespace iris
