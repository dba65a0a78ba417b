#include "coordinator/cli/own_caller.h"

#include <filesystem>
#include <string>

#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OwnCallerTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, const std::string& path, const std::string& remote = "") {
    v1::TeamInfo* team = teams_.add_teams();
    team->set_name(name);
    team->set_path(path);
    team->set_remote(remote);
  }
  std::string Make(const std::string& name) {
    std::filesystem::create_directories(scratch_.File(name));
    return scratch_.File(name);
  }
  std::string Link(const std::string& name, const std::string& to) {
    std::filesystem::create_symlink(to, scratch_.File(name));
    return scratch_.File(name);
  }
  std::string In(const std::string& folder) {
    return CallerIn(folder, teams_, scratch_.File("home"), "laptop").caller.name();
  }

  ScratchDir scratch_;
  v1::ListTeamsResponse teams_;
};

TEST_F(OwnCallerTest, TheInnermostLocalFolderThatHoldsTheProjectIsTheTeams) {
  Add("app", "/src/app");
  Add("web", "/src/app/web/");
  Add("home", "~/notes");
  Add("gpu", "/mnt/ml", "ssh gpu1");
  EXPECT_EQ(In("/src/app"), "app");
  EXPECT_EQ(In("/src/app/lib/deep"), "app");
  EXPECT_EQ(In("/src/app/web"), "web");
  EXPECT_EQ(In("/src/app/web/css/"), "web");
  EXPECT_EQ(In(scratch_.File("home/notes/2026")), "home");
  EXPECT_EQ(In("/src/apple"), "apple@laptop");
  EXPECT_EQ(In("/src"), "src@laptop");
  EXPECT_EQ(In("/mnt/ml"), "ml@laptop");  // That folder is on another host.
  EXPECT_THAT(In(""), testing::EndsWith("@laptop"));
}

TEST_F(OwnCallerTest, RealPathsCountWhateverLinksLedThere) {
  Make("data/app/web");
  Make("data/other");
  const std::string link = Link("app", scratch_.File("data/app"));
  Add("app", link);
  EXPECT_EQ(In(scratch_.File("data/app")), "app");
  EXPECT_EQ(In(link + "/web"), "app");
  EXPECT_EQ(In(scratch_.File("data/app/../app/web")), "app");
  // What only looks as if it lay there does not.
  Link("data/app/away", scratch_.File("data/other"));
  EXPECT_EQ(In(link + "/away"), "other@laptop");
  // The innermost by its real path, however short the link to it is.
  Add("web", Link("w", scratch_.File("data/app/web")));
  EXPECT_EQ(In(link + "/web"), "web");
}

TEST_F(OwnCallerTest, OfSeveralTeamsWithOneFolderTheFirstCountsAndTheOthersMay) {
  const std::string folder = Make("app");
  Add("outer", scratch_.path());
  Add("one", folder);
  Add("two", folder + "/");
  Add("three", Link("three", folder));
  const OwnCaller own = CallerIn(folder, teams_, "", "laptop");
  EXPECT_EQ(own.caller, "one");
  EXPECT_THAT(own.also, ElementsAre(Caller("two"), Caller("three")));
  EXPECT_THAT(CallerIn(scratch_.path(), teams_, "", "laptop").also, IsEmpty());
}

TEST_F(OwnCallerTest, TheClaudeOfATeamIsThatTeamWhereverItWorks) {
  const std::string folder = Make("app");
  Add("one", folder);
  Add("two", folder);
  teams_.set_own_team("two");
  EXPECT_EQ(In(folder), "two");
  EXPECT_EQ(In("/elsewhere"), "two");
  EXPECT_EQ(In(""), "two");
  EXPECT_THAT(CallerIn(folder, teams_, "", "laptop").also, IsEmpty());
}

}  // namespace
}  // namespace iris
