#include "coordinator/reach/ssh/ssh_keys.h"

#include <string>

#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

// As the loader stores a value that was read.
void Give(const std::string& name, KeyValue value, Team& team) {
  for (const Key& key : SshKeys()) {
    if (NameOf(key) != name) continue;
    Settings settings;
    const KeyTarget target = {.settings = &settings, .team = &team, .home = "/home/me"};
    EXPECT_TRUE(StoreValue(key, std::move(value), target).ok()) << name;
    return;
  }
  ADD_FAILURE() << "no key of ssh's: " << name;
}

TEST(SshKeysTest, WhatIsNotGivenIsSshsChoiceOrTheDefault) {
  const SshOptions options = SshOptionsOf({});
  EXPECT_EQ(options, SshOptions());
  EXPECT_EQ(options.port, 0);
  EXPECT_FALSE(options.forward_agent.has_value());
}

TEST(SshKeysTest, EachKeyReachesItsOption) {
  Team team;
  Give("identity", {.text = "~/.ssh/gpu", .written = "~/.ssh/gpu"}, team);
  Give("port", {.number = 2222}, team);
  Give("strictHostKeyChecking", {.flag = false}, team);
  Give("forwardAgent", {.flag = true}, team);
  Give("serverAliveInterval", {.number = 1001}, team);
  Give("serverAliveCountMax", {.number = 5}, team);
  Give("linkMode", {.text = "stdio", .written = "${MODE}"}, team);
  team.remote_options.agent_dir = "/a";
  team.remote_options.connect_timeout = absl::Seconds(2);
  const SshOptions expected = {.identity = "/home/me/.ssh/gpu",
                               .agent_dir = "/a",
                               .port = 2222,
                               .strict_host_key_checking = false,
                               .forward_agent = true,
                               .connect_timeout = absl::Seconds(2),
                               .server_alive_interval = absl::Seconds(2),
                               .server_alive_count_max = 5,
                               .link_mode = SshOptions::LinkMode::kStdio};
  EXPECT_EQ(SshOptionsOf(team.remote_options), expected);
  EXPECT_TRUE(team.remote_options.Own("port")->names_host);
  EXPECT_EQ(team.remote_options.Own("linkMode")->written, "") << "it leads nobody elsewhere";
}

}  // namespace
}  // namespace iris
