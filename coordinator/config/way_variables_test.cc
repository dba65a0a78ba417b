#include "coordinator/config/way_variables.h"

#include <memory>
#include <string>
#include <utility>

#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Team To(const std::string& written, Environment env) {
  Team team{.name = "gpu", .remote = RemoteCommand{.text = written}};
  team.remote->written = written;
  team.asker.environment = std::make_shared<const Environment>(std::move(env));
  return team;
}

TEST(WayVariablesTest, WhereTheWayNamesNoneItIsEverybodys) {
  const std::string ann = WayVariables(To("ssh gpu", {{"U", "ann"}}));
  EXPECT_TRUE(LeadsAsFor(ann, To("ssh gpu", {{"U", "bob"}})));
  EXPECT_TRUE(LeadsAsFor(ann, To("ssh gpu2", {}))) << "somebody has mended it";
  EXPECT_TRUE(LeadsAsFor(ann, Team{.name = "gpu"})) << "on this machine";
}

TEST(WayVariablesTest, WhoHasOthersIsLedElsewhere) {
  const std::string ann = WayVariables(To("ssh ${U}@gpu", {{"U", "ann"}, {"TERM", "xterm"}}));
  EXPECT_THAT(ann, Not(HasSubstr("ann")));
  EXPECT_TRUE(LeadsAsFor(ann, To("ssh ${U}@gpu", {{"U", "ann"}})));
  EXPECT_TRUE(LeadsAsFor(ann, To("ssh ${U}@gpu2", {{"U", "ann"}}))) << "somebody has mended it";
  EXPECT_FALSE(LeadsAsFor(ann, To("ssh ${U}@gpu", {{"U", "bob"}})));
  EXPECT_FALSE(LeadsAsFor(ann, To("ssh ${U:-ann}@gpu", {})));
  EXPECT_FALSE(LeadsAsFor(ann, To("ssh -p ${P} ${U}@gpu", {{"U", "ann"}, {"P", "22"}})));
  EXPECT_FALSE(LeadsAsFor(WayVariables(To("ssh gpu", {})), To("ssh ${U}@gpu", {{"U", "ann"}})));
}

TEST(WayVariablesTest, KeysAndDataDirectoriesAreOfTheWay) {
  Team ann = To("ssh gpu", {{"KEY", "/ann"}});
  ann.remote_options.written_identity = "${KEY}/id";
  Team bob = To("ssh gpu", {{"KEY", "/bob"}});
  bob.remote_options.written_identity = "${KEY}/id";
  EXPECT_FALSE(LeadsAsFor(WayVariables(ann), bob));
  bob.remote_options.written_identity = "";
  bob.remote_options.written_agent_dir = "${KEY}/iris";
  EXPECT_FALSE(LeadsAsFor(WayVariables(To("ssh gpu", {})), bob));
}

TEST(WayVariablesTest, WhereNobodyKnowsWhatTheSenderHadSomebodyHasToAsk) {
  Team gpu = To("ssh ${U}@gpu", {{"U", "ann"}});
  EXPECT_TRUE(LeadsAsFor("", gpu));
  gpu.asker.environment = nullptr;
  EXPECT_FALSE(LeadsAsFor("", gpu));
}

}  // namespace
}  // namespace iris
