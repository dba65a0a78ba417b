#include "coordinator/link/placed_agents.h"

#include <string>

#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(PlacedAgentsTest, AWayComesBackAsItIsWritten) {
  SshTarget target;
  target.remote.program = "ssh";
  target.remote.written = "ssh -C -o SetEnv=A=\xFF 'a b'@gpu1";
  EXPECT_EQ(FromProto(ToProto(target)), target);
  target.options.port = 2222;
  target.options.strict_host_key_checking = false;
  target.options.forward_agent = true;
  target.options.connect_timeout = absl::Milliseconds(1500);
  target.options.server_alive_interval = absl::Seconds(7);
  target.options.server_alive_count_max = 9;
  target.options.link_mode = RemoteOptions::LinkMode::kStdio;
  target.options.written_identity = "~/k";
  target.options.written_agent_dir = "~/a";
  EXPECT_EQ(FromProto(ToProto(target)), target);
}

TEST(PlacedAgentsTest, WhatAVariableStandsForIsNotStored) {
  SshTarget target;
  target.remote = {.text = "/opt/canary/ssh canary@gpu1",
                   .program = "/opt/canary/ssh",
                   .options = {"-o", "SetEnv=TOKEN=canary"},
                   .destination = "canary@gpu1",
                   .written = "/opt/${X}/ssh -o SetEnv=TOKEN=${X} ${X}@gpu1"};
  target.options.identity = target.options.agent_dir = "/canary";
  target.options.written_identity = target.options.written_agent_dir = "/${X}";
  target.lent_env = {{"X", "canary"}};
  EXPECT_EQ(ToProto(target).SerializeAsString().find("canary"), std::string::npos);
  target.remote.program = "/opt/ssh";
  target.remote.written = "/opt/ssh ${X}@gpu1";
  EXPECT_EQ(ToProto(target).program(), "/opt/ssh") << "it is not of a variable";
}

TEST(PlacedAgentsTest, WhatIsNoWayIsNone) {
  EXPECT_FALSE(FromProto(v1::HostWay()).has_value());
  SshTarget target;
  target.remote.written = "ssh gpu1";
  v1::HostWay way = ToProto(target);
  way.set_link_mode(3);
  EXPECT_FALSE(FromProto(way).has_value());
}

TEST(PlacedAgentsTest, APlaceIsThatOfAllLivesOfAnAgent) {
  v1::Hello hello;
  hello.set_host_id("h");
  hello.set_user("u");
  hello.set_data_dir("/d");
  v1::Hello later = hello;
  later.set_incarnation("another");
  later.set_boot_id("another");
  EXPECT_EQ(PlaceOf(hello), PlaceOf(later));
  later.set_data_dir("/e");
  EXPECT_NE(PlaceOf(hello), PlaceOf(later));
  EXPECT_EQ(FolderOf(PlaceOf(later)), "/e");
  EXPECT_EQ(FolderOf("of no agent"), "");
}

TEST(PlacedAgentsTest, AnAttemptIsOfItsWayAndItsLinkAndNoAgentHasSuchAPlace) {
  SshTarget target;
  target.remote.text = "ssh canary@gpu1";
  const std::string place = PlaceOfAttempt(target, "a link");
  EXPECT_TRUE(IsAttempt(place));
  EXPECT_EQ(place.find("canary"), std::string::npos);
  EXPECT_NE(place, PlaceOfAttempt(target, "another link"));
  EXPECT_TRUE(IsAttemptBy(place, target));
  target.options.agent_dir = "/a";
  EXPECT_FALSE(IsAttemptBy(place, target));

  v1::Hello hello;
  hello.set_host_id("attempt");
  EXPECT_FALSE(IsAttempt(PlaceOf(hello)));
}

}  // namespace
}  // namespace iris
