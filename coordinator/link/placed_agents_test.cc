#include "coordinator/link/placed_agents.h"

#include <string>

#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(PlacedAgentsTest, AWayComesBackAsItIsWritten) {
  RemoteWay way;
  way.remote.program = "reach";
  way.remote.written = "reach -C -o SetEnv=A=\xFF 'a b'@gpu1";
  EXPECT_EQ(FromProto(ToProto(way)), way);
  way.options.port = 2222;
  way.options.strict_host_key_checking = false;
  way.options.forward_agent = true;
  way.options.connect_timeout = absl::Milliseconds(1500);
  way.options.server_alive_interval = absl::Seconds(7);
  way.options.server_alive_count_max = 9;
  way.options.link_mode = RemoteOptions::LinkMode::kStdio;
  way.options.written_identity = "~/k";
  way.options.written_agent_dir = "~/a";
  EXPECT_EQ(FromProto(ToProto(way)), way);
}

TEST(PlacedAgentsTest, WhatAVariableStandsForIsNotStored) {
  RemoteWay way;
  way.remote = {.text = "/opt/canary/reach canary@gpu1",
                .program = "/opt/canary/reach",
                .options = {"-o", "SetEnv=TOKEN=canary"},
                .destination = "canary@gpu1",
                .written = "/opt/${X}/reach -o SetEnv=TOKEN=${X} ${X}@gpu1"};
  way.options.identity = way.options.agent_dir = "/canary";
  way.options.written_identity = way.options.written_agent_dir = "/${X}";
  EXPECT_EQ(ToProto(way).SerializeAsString().find("canary"), std::string::npos);
  way.remote.program = "/opt/reach";
  way.remote.written = "/opt/reach ${X}@gpu1";
  EXPECT_EQ(ToProto(way).program(), "/opt/reach") << "it is not of a variable";
}

TEST(PlacedAgentsTest, WhatIsNoWayIsNone) {
  EXPECT_FALSE(FromProto(v1::HostWay()).has_value());
  RemoteWay way;
  way.remote.written = "reach gpu1";
  v1::HostWay stored = ToProto(way);
  stored.set_link_mode(3);
  EXPECT_FALSE(FromProto(stored).has_value());
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
  RemoteWay way;
  way.remote.text = "reach canary@gpu1";
  const std::string place = PlaceOfAttempt(way, "a link");
  EXPECT_TRUE(IsAttempt(place));
  EXPECT_EQ(place.find("canary"), std::string::npos);
  EXPECT_NE(place, PlaceOfAttempt(way, "another link"));
  EXPECT_TRUE(IsAttemptBy(place, way));
  way.options.agent_dir = "/a";
  EXPECT_FALSE(IsAttemptBy(place, way));

  v1::Hello hello;
  hello.set_host_id("attempt");
  EXPECT_FALSE(IsAttempt(PlaceOf(hello)));
}

}  // namespace
}  // namespace iris
