#include "coordinator/orchestrator/caller_name.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

TEST(CallerNameTest, ACallerWithoutATeamIsCalledAfterItsFolderAndItsHost) {
  EXPECT_EQ(NeutralCaller("/home/me/notes", "laptop"), "notes@laptop");
  EXPECT_EQ(NeutralCaller("/home/me/notes/", "laptop.example"), "notes@laptop.example");
  EXPECT_EQ(NeutralCaller("/home/me", ""), "me@localhost");
}

TEST(CallerNameTest, OddNamesBecomePlainOnesAndStayTwo) {
  const std::string odd = NeutralCaller("/home/me/my \x1b[2J notes", "lap\ntop");
  EXPECT_THAT(odd, StartsWith("my-2J-notes-"));
  EXPECT_THAT(odd, EndsWith("@lap-top"));
  EXPECT_NE(NeutralCaller("/a/笔记", "h"), NeutralCaller("/a/草稿", "h"));
  EXPECT_EQ(NeutralCaller("/a/笔记", "h"), NeutralCaller("/a/笔记/", "h"));
  EXPECT_NE(NeutralCaller("/a/client é", "h"), NeutralCaller("/a/client è", "h"));
  EXPECT_NE(NeutralCaller("/a/notes (1)", "h"), NeutralCaller("/a/notes (2)", "h"));
  for (const std::string& folder : {std::string("/"), std::string(), std::string("/a/@"),
                                    "/a/" + std::string(300, 'x'), "/a/" + std::string(300, ' ')}) {
    const std::string name = NeutralCaller(folder, std::string(300, 'h'));
    EXPECT_TRUE(IsNeutralCaller(name)) << name;
    EXPECT_LE(name.size(), 128u);
  }
}

TEST(CallerNameTest, NothingElseHasThatForm) {
  for (const char* name : {"", "cli", "web", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n"}) {
    EXPECT_FALSE(IsNeutralCaller(name)) << name;
  }
  EXPECT_FALSE(IsNeutralCaller(std::string(128, 'x') + "@h"));
  EXPECT_TRUE(IsNeutralCaller("notes@laptop"));
}

}  // namespace
}  // namespace iris
