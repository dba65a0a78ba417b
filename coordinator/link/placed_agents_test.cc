#include "coordinator/link/placed_agents.h"

#include <string>

#include "coordinator/config/config.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

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
