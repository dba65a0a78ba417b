#include "coordinator/service/own_team.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

void Add(v1::ListTeamsResponse& teams, const char* name, const char* path, const char* remote = "") {
  v1::TeamInfo* team = teams.add_teams();
  team->set_name(name);
  team->set_path(path);
  team->set_remote(remote);
}

TEST(OwnTeamTest, TheInnermostLocalFolderThatHoldsTheProjectIsTheTeams) {
  v1::ListTeamsResponse teams;
  Add(teams, "app", "/src/app");
  Add(teams, "web", "/src/app/web/");
  Add(teams, "home", "~/notes");
  Add(teams, "gpu", "/mnt/ml", "ssh gpu1");
  EXPECT_EQ(OwnTeam(teams, "/src/app", "/home/me"), "app");
  EXPECT_EQ(OwnTeam(teams, "/src/app/lib/deep", "/home/me"), "app");
  EXPECT_EQ(OwnTeam(teams, "/src/app/web", "/home/me"), "web");
  EXPECT_EQ(OwnTeam(teams, "/src/app/web/css/", "/home/me"), "web");
  EXPECT_EQ(OwnTeam(teams, "/home/me/notes/2026", "/home/me"), "home");
  for (const char* nobodys : {"/src/apple", "/src", "/", "", "app", "/mnt/ml", "/notes"}) {
    EXPECT_EQ(OwnTeam(teams, nobodys, "/home/me"), "") << nobodys;
  }
}

}  // namespace
}  // namespace iris
