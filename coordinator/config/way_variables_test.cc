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

// Where the claude works is on this machine.
Team Here(const std::string& written, Environment env) {
  Team team{.name = "here", .path = "/p"};
  team.written_path = written;
  team.asker.environment = std::make_shared<const Environment>(std::move(env));
  return team;
}

TEST(WayVariablesTest, WhereTheWayNamesNoneItIsEverybodys) {
  const std::string ann = WayVariables(To("ssh gpu", {{"U", "ann"}}));
  EXPECT_TRUE(LeadsAsFor(ann, To("ssh gpu", {{"U", "bob"}})));
  EXPECT_TRUE(LeadsAsFor(ann, To("ssh gpu2", {}))) << "somebody has mended it";
  EXPECT_TRUE(LeadsAsFor(ann, Team{.name = "gpu"})) << "on this machine";
  const std::string local = WayVariables(Here("/p", {{"U", "ann"}}));
  EXPECT_TRUE(LeadsAsFor(local, Here("/q", {{"U", "bob"}})));
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
  ann.remote_options.own["identity"].written = "${KEY}/id";
  Team bob = To("ssh gpu", {{"KEY", "/bob"}});
  bob.remote_options.own["identity"].written = "${KEY}/id";
  EXPECT_FALSE(LeadsAsFor(WayVariables(ann), bob));
  bob.remote_options.own["identity"].written = "";
  bob.remote_options.written_agent_dir = "${KEY}/iris";
  EXPECT_FALSE(LeadsAsFor(WayVariables(To("ssh gpu", {})), bob));
}

TEST(WayVariablesTest, WhereAndHowTheClaudeRunsIsOfItToo) {
  const std::string ann = WayVariables(Here("/home/${U}", {{"U", "ann"}, {"TERM", "xterm"}}));
  EXPECT_THAT(ann, Not(HasSubstr("ann")));
  EXPECT_TRUE(LeadsAsFor(ann, Here("/home/${U}", {{"U", "ann"}})));
  EXPECT_FALSE(LeadsAsFor(ann, Here("/home/${U}", {{"U", "bob"}})));
  EXPECT_FALSE(LeadsAsFor(ann, Here("/home/${U:-ann}", {})));

  Team team = Here("/p", {{"U", "ann"}});
  const auto as_bob = [](Team one) {
    one.asker.environment = std::make_shared<const Environment>(Environment{{"U", "bob"}});
    return one;
  };
  EXPECT_TRUE(LeadsAsFor(WayVariables(team), as_bob(team)));
  team.written_claude_path = "/${U}/claude";
  EXPECT_FALSE(LeadsAsFor(WayVariables(team), as_bob(team)));
  team.written_claude_path = "";
  team.env = {{.name = "AWS_PROFILE", .written = "of ${U}", .value = "of ann"}};
  EXPECT_FALSE(LeadsAsFor(WayVariables(team), as_bob(team)));
  team.env[0].written = "of everybody";
  team.pass_env = {"U"};
  EXPECT_TRUE(LeadsAsFor(WayVariables(team), as_bob(team))) << "whoever asks lends those";
}

TEST(WayVariablesTest, OnAHostTheWayAndTheClaudeAreBothTheSenders) {
  const auto team = [](Environment env) {
    Team gpu = To("ssh ${U}@gpu", std::move(env));
    gpu.written_path = "~/${P}";
    return gpu;
  };
  const std::string ann = WayVariables(team({{"U", "ann"}, {"P", "p"}}));
  EXPECT_TRUE(LeadsAsFor(ann, team({{"U", "ann"}, {"P", "p"}})));
  EXPECT_FALSE(LeadsAsFor(ann, team({{"U", "bob"}, {"P", "p"}})));
  EXPECT_FALSE(LeadsAsFor(ann, team({{"U", "ann"}, {"P", "q"}})));
}

// Of the way alone. It counts; for the rest whoever asks may say what it was.
TEST(WayVariablesTest, WhatAnEarlierBuildStoredWaitsForNobodyForEver) {
  const std::string now = WayVariables(To("ssh ${U}@gpu", {{"U", "ann"}}));
  const std::string earlier = now.substr(0, now.find('+'));
  EXPECT_TRUE(LeadsAsFor(earlier, To("ssh ${U}@gpu", {{"U", "ann"}})));
  EXPECT_FALSE(LeadsAsFor(earlier, To("ssh ${U}@gpu", {{"U", "bob"}})));
  for (const std::string& stored : {earlier, std::string("none"), std::string()}) {
    Team team = Here("${U}", {{"U", "ann"}});
    EXPECT_TRUE(LeadsAsFor(stored, team)) << stored;
    team.asker.environment = nullptr;
    EXPECT_FALSE(LeadsAsFor(stored, team)) << stored;
    team.written_path = "/p";
    EXPECT_TRUE(LeadsAsFor(stored, team)) << stored;
  }
}

TEST(WayVariablesTest, WhereNobodyKnowsWhatTheSenderHadSomebodyHasToAsk) {
  Team gpu = To("ssh ${U}@gpu", {{"U", "ann"}});
  EXPECT_TRUE(LeadsAsFor("", gpu));
  gpu.asker.environment = nullptr;
  EXPECT_FALSE(LeadsAsFor("", gpu));
}

}  // namespace
}  // namespace iris
