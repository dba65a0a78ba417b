#include "coordinator/caller/caller.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

std::string InFolder(const std::string& folder, const std::string& host) {
  return Caller::InFolder(folder, host).name();
}
Caller::Kind KindOf(const std::string& name) { return Caller::Named(name).kind(); }

TEST(CallerTest, ACallerWithoutATeamIsCalledAfterItsFolderAndItsHost) {
  EXPECT_EQ(InFolder("/home/me/notes", "laptop"), "notes@laptop");
  EXPECT_EQ(InFolder("/home/me/notes/", "laptop.example"), "notes@laptop.example");
  EXPECT_EQ(InFolder("/home/me", ""), "me@localhost");
}

TEST(CallerTest, OddNamesBecomePlainOnesAndStayTwo) {
  const std::string odd = InFolder("/home/me/my \x1b[2J notes", "lap\ntop");
  EXPECT_THAT(odd, StartsWith("my-2J-notes-"));
  EXPECT_THAT(odd, EndsWith("@lap-top"));
  EXPECT_NE(InFolder("/a/笔记", "h"), InFolder("/a/草稿", "h"));
  EXPECT_EQ(InFolder("/a/笔记", "h"), InFolder("/a/笔记/", "h"));
  EXPECT_NE(InFolder("/a/client é", "h"), InFolder("/a/client è", "h"));
  EXPECT_NE(InFolder("/a/notes (1)", "h"), InFolder("/a/notes (2)", "h"));
  for (const std::string& folder : {std::string("/"), std::string(), std::string("/a/@"),
                                    "/a/" + std::string(300, 'x'), "/a/" + std::string(300, ' ')}) {
    const std::string name = InFolder(folder, std::string(300, 'h'));
    EXPECT_EQ(KindOf(name), Caller::Kind::kNeutral) << name;
    EXPECT_LE(name.size(), 128u);
  }
}

TEST(CallerTest, NothingElseHasThatForm) {
  for (const char* name : {"", "cli", "web", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n"}) {
    EXPECT_NE(KindOf(name), Caller::Kind::kNeutral) << name;
  }
  EXPECT_NE(KindOf(std::string(128, 'x') + "@h"), Caller::Kind::kNeutral);
  EXPECT_EQ(KindOf("notes@laptop"), Caller::Kind::kNeutral);
}

TEST(CallerTest, ANameSaysWhichKindOfCallerItIs) {
  EXPECT_EQ(KindOf(""), Caller::Kind::kNobody);
  EXPECT_EQ(KindOf("cli"), Caller::Kind::kCommandLine);
  EXPECT_EQ(KindOf("web"), Caller::Kind::kTeam);
  EXPECT_EQ(KindOf("CLI"), Caller::Kind::kTeam);
  EXPECT_EQ(Caller::CommandLine(), "cli");
  EXPECT_EQ(Caller(), "");
  EXPECT_EQ(Caller::InFolder("/home/me/notes", "laptop"), "notes@laptop");
}

TEST(CallerTest, TheCommandLineSeesWhatAllHaveSentAndOthersOnlyTheirOwn) {
  for (const char* name : {"", "cli", "web", "notes@laptop"}) {
    EXPECT_TRUE(Caller::CommandLine().MaySee(Caller::Named(name))) << name;
    EXPECT_FALSE(Caller().MaySee(Caller::Named(name))) << name;
  }
  EXPECT_TRUE(Caller("web").MaySee("web"));
  EXPECT_FALSE(Caller("web").MaySee("app"));
  EXPECT_FALSE(Caller("web").MaySee("cli"));
  EXPECT_TRUE(Caller("notes@laptop").MaySee("notes@laptop"));
}

}  // namespace
}  // namespace iris
