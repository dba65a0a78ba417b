#include "coordinator/link/placed_agents.h"

#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(PlacedAgentsTest, AWayComesBackAsItWas) {
  SshTarget target;
  target.remote = {.text = "ssh -C 'a b'@gpu1",
                   .program = "ssh",
                   .options = {"-C", "-o", "SetEnv=A=\xFF"},
                   .destination = "a b@gpu1"};
  EXPECT_EQ(FromProto(ToProto(target)), target);
  target.options = {.identity = "/k",
                    .agent_dir = "~/a",
                    .port = 2222,
                    .strict_host_key_checking = false,
                    .forward_agent = true,
                    .connect_timeout = absl::Milliseconds(1500),
                    .server_alive_interval = absl::Seconds(7),
                    .server_alive_count_max = 9,
                    .link_mode = RemoteOptions::LinkMode::kStdio};
  EXPECT_EQ(FromProto(ToProto(target)), target);
}

TEST(PlacedAgentsTest, WhatIsNoWayIsNone) {
  EXPECT_FALSE(FromProto(v1::HostWay()).has_value());
  SshTarget target;
  target.remote = {.text = "ssh gpu1", .program = "ssh", .options = {}, .destination = "gpu1"};
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
}

}  // namespace
}  // namespace iris
