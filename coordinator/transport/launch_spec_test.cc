#include "coordinator/transport/launch_spec.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class LaunchSpecTest : public ::testing::Test {
 protected:
  LaunchSpecTest() {
    team_.name = "gpu";
    team_.path = "/g";
    hello_.set_build_number(6);
    hello_.set_ssh_auth_sock("/tmp/agent");
  }
  void MakeRemote() {
    team_.remote =
        RemoteCommand{.text = "ssh gpu1", .program = "ssh", .options = {}, .destination = "gpu1"};
  }
  void HostHas(const Environment& env) { *hello_.mutable_environment() = EnvironmentToProto(env); }
  void AskerHas(Environment env) {
    team_.asker.environment = std::make_shared<const Environment>(std::move(env));
  }
  void Set(const std::string& name, const std::string& value) {
    team_.env.push_back({.name = name, .written = value, .value = value});
  }
  v1::LaunchSpec Spec() const { return LaunchSpecFor(team_, "cli", hello_); }
  Environment Env() const { return EnvironmentFromProto(Spec().environment()); }

  Team team_;
  v1::Hello hello_;
};

TEST_F(LaunchSpecTest, ALocalClaudeHasTheAskers) {
  HostHas({{"OF", "a host that it is not on"}});
  AskerHas({{"HTTPS_PROXY", "http://proxy"}, {"PATH", "/bin"}});
  EXPECT_THAT(Env(), ElementsAre(Pair("HTTPS_PROXY", "http://proxy"), Pair("PATH", "/bin")));
  const EnvironmentNames names = NamesIn(Spec(), team_);
  EXPECT_EQ(names.from, "front end");
  EXPECT_THAT(names.names, ElementsAre("HTTPS_PROXY", "PATH"));
}

TEST_F(LaunchSpecTest, ARemoteOneHasItsHosts) {
  MakeRemote();
  AskerHas({{"HTTPS_PROXY", "http://proxy"}});
  HostHas({{"CLAUDE_CODE_OAUTH_TOKEN", "t"}});
  EXPECT_THAT(Env(), ElementsAre(Pair("CLAUDE_CODE_OAUTH_TOKEN", "t")));
  EXPECT_EQ(Spec().env().at("SSH_AUTH_SOCK"), "/tmp/agent");
  EXPECT_EQ(NamesIn(Spec(), team_).from, "host");
}

TEST_F(LaunchSpecTest, TheConfigurationsAreOverWhatIsPassedAndThatIsOverTheHosts) {
  MakeRemote();
  HostHas({{"A", "host"}, {"B", "host"}, {"C", "host"}, {"D", "host"}});
  AskerHas({{"B", "asker"}, {"C", "asker"}, {"NOT_NAMED", "asker"}});
  team_.pass_env = {"B", "C", "NOBODY_HAS_IT"};
  Set("C", "configuration");
  Set("D", "");
  EXPECT_THAT(Env(),
              ElementsAre(Pair("A", "host"), Pair("B", "asker"), Pair("C", "configuration")));
}

TEST_F(LaunchSpecTest, TheConfigurationsSshAgentIsNotReplacedByTheConnections) {
  MakeRemote();
  HostHas({});
  Set("SSH_AUTH_SOCK", "/my/agent");
  EXPECT_THAT(Spec().env(), IsEmpty());
  EXPECT_THAT(Env(), ElementsAre(Pair("SSH_AUTH_SOCK", "/my/agent")));
}

TEST_F(LaunchSpecTest, ALinkIsNamedWhereItsConnectionLendsKeys) {
  MakeRemote();
  const auto link = [this] {
    v1::LaunchSpec spec = Spec();
    NameLink("0123456789abcdef", hello_, spec);
    return spec.link();
  };
  EXPECT_EQ(link(), "0123456789abcdef");
  Set("SSH_AUTH_SOCK", "/my/agent");
  EXPECT_EQ(link(), "") << "the configuration's own";
  team_.env.clear();
  hello_.clear_ssh_auth_sock();
  EXPECT_EQ(link(), "") << "none is lent";
}

// Else the agent would keep that of whoever asked an earlier coordinator, and status say otherwise.
TEST_F(LaunchSpecTest, WhereNobodyAsksALocalClaudeHasTheCoordinators) {
  ASSERT_EQ(setenv("OF_THE_COORDINATOR", "1", 1), 0);
  EXPECT_THAT(Env(), Contains(Pair("OF_THE_COORDINATOR", "1")));
  EXPECT_EQ(NamesIn(Spec(), team_).from, "coordinator");
  EXPECT_THAT(NamesIn(Spec(), team_).names, Contains("OF_THE_COORDINATOR"));
}

TEST_F(LaunchSpecTest, WhereAHostSaysNothingTheAgentsOwnCounts) {
  MakeRemote();
  EXPECT_FALSE(Spec().has_environment());
  EXPECT_EQ(NamesIn(Spec(), team_).from, "agent");
  hello_.set_path("/usr/bin");
  Set("A", "b");
  EXPECT_THAT(Env(), ElementsAre(Pair("A", "b"), Pair("PATH", "/usr/bin")));
}

TEST_F(LaunchSpecTest, WhatWasCutIsNamed) {
  AskerHas({{"PATH", "/bin"}, {kLeftOutVariable, "A_TOKEN,and 2 more"}});
  EXPECT_THAT(NamesIn(Spec(), team_).lacks, ElementsAre("A_TOKEN", "and 2 more"));
  EXPECT_THAT(StartText(NamesIn(Spec(), team_)), HasSubstr("lacks A_TOKEN, and 2 more"));
  AskerHas({{kLeftOutVariable, "\xff"}});
  EXPECT_THAT(StartText(NamesIn(Spec(), team_)), HasSubstr("lacks \xEF\xBF\xBD")) << "no UTF-8";
  AskerHas({{"PATH", "/bin"}});
  EXPECT_THAT(NamesIn(Spec(), team_).lacks, IsEmpty());
  EXPECT_EQ(StartText(NamesIn(Spec(), team_)), "starting claude");
}

TEST_F(LaunchSpecTest, AnOlderAgentIsAskedForNothingThatItCannotBeTold) {
  hello_.set_build_number(5);
  hello_.set_hostname("gpu1");
  EXPECT_TRUE(CheckAgentTakes(team_, hello_).ok());
  team_.pass_env = {"GH_TOKEN"};
  const absl::Status refused = CheckAgentTakes(team_, hello_);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_VERSION);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("team gpu"), HasSubstr("gpu1"), HasSubstr("build 5")));
  team_.pass_env.clear();
  Set("A", "b");
  EXPECT_EQ(KindOf(CheckAgentTakes(team_, hello_)), v1::FAILURE_VERSION);
  hello_.set_build_number(6);
  EXPECT_TRUE(CheckAgentTakes(team_, hello_).ok());
}

TEST_F(LaunchSpecTest, AnOlderAgentWouldWriteItDown) {
  hello_.set_build_number(5);
  AskerHas({{"GH_TOKEN", "secret"}});
  Set("TOKEN", "secret");
  EXPECT_FALSE(Spec().has_environment());
  EXPECT_EQ(NamesIn(Spec(), team_).from, "agent");
  EXPECT_THAT(Spec().env(), IsEmpty());
}

}  // namespace
}  // namespace iris
