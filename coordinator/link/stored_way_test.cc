#include "coordinator/link/stored_way.h"

#include <string>

#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

TEST(StoredWayTest, AWayComesBackAsItIsWritten) {
  RemoteWay way;
  way.remote.program = "reach";
  way.remote.written = "reach -C -o SetEnv=A=\xFF 'a b'@gpu1";
  EXPECT_EQ(FromProto(ToProto(way)), way);
  way.options.own["port"].number = 2222;
  way.options.own["strictHostKeyChecking"].flag = false;
  way.options.own["forwardAgent"].flag = true;
  way.options.connect_timeout = absl::Milliseconds(1500);
  way.options.own["serverAliveInterval"].number = 7000;
  way.options.own["serverAliveCountMax"].number = 9;
  way.options.own["linkMode"].text = "stdio";
  way.options.own["identity"].written = "~/k";
  way.options.own["sail"].written = "of ${CLOTH}";
  way.options.own["masts"].number = 3;
  way.options.own["anchor"].flag = true;
  way.options.written_agent_dir = "~/a";
  EXPECT_EQ(FromProto(ToProto(way)), way);
}

// They look for each in a field of its own, and take what is there.
TEST(StoredWayTest, BuildsBeforeTheKindsHadKeysFindWhatTheyLookFor) {
  RemoteWay way;
  way.remote.written = "reach gpu1";
  v1::HostWay stored = ToProto(way);
  EXPECT_EQ(stored.connect_timeout_ms(), 10000);
  EXPECT_EQ(stored.server_alive_interval_ms(), 30000);
  EXPECT_EQ(stored.server_alive_count_max(), 3);
  way.options.own["port"].number = 2222;
  way.options.own["linkMode"].text = "forward";
  stored = ToProto(way);
  EXPECT_EQ(stored.port(), 2222);
  EXPECT_EQ(stored.link_mode(), 1);
  EXPECT_EQ(stored.own_size(), 0);
}

TEST(StoredWayTest, WhatAVariableStandsForIsNotStored) {
  RemoteWay way;
  way.remote = {.text = "/opt/canary/reach canary@gpu1",
                .program = "/opt/canary/reach",
                .options = {"-o", "SetEnv=TOKEN=canary"},
                .destination = "canary@gpu1",
                .written = "/opt/${X}/reach -o SetEnv=TOKEN=${X} ${X}@gpu1"};
  way.options.agent_dir = "/canary";
  way.options.written_agent_dir = "/${X}";
  way.options.own["identity"] = way.options.own["sail"] = {.text = "/canary", .written = "/${X}"};
  EXPECT_EQ(ToProto(way).SerializeAsString().find("canary"), std::string::npos);
  way.remote.program = "/opt/reach";
  way.remote.written = "/opt/reach ${X}@gpu1";
  EXPECT_EQ(ToProto(way).program(), "/opt/reach") << "it is not of a variable";
}

TEST(StoredWayTest, WhatIsNoWayIsNone) {
  EXPECT_FALSE(FromProto(v1::HostWay()).has_value());
  RemoteWay way;
  way.remote.written = "reach gpu1";
  v1::HostWay stored = ToProto(way);
  stored.set_link_mode(3);
  EXPECT_FALSE(FromProto(stored).has_value());
}

}  // namespace
}  // namespace iris
