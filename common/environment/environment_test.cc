#include "common/environment/environment.h"

#include <sys/resource.h>

#include <cstdlib>
#include <string>

#include "common/environment/environment_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(EnvironmentTest, OurOwnIsWithoutWhatAClaudeAroundUsLeft) {
  for (const char* name :
       {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID",
        "CLAUDE_PROJECT_DIR", "IRIS_SESSION", "IRIS_READY_FD"}) {
    ASSERT_EQ(setenv(name, "x", 1), 0);
  }
  ASSERT_EQ(setenv("CLAUDE_CODE_OAUTH_TOKEN", "t", 1), 0);
  ASSERT_EQ(setenv("EMPTY", "", 1), 0);
  const Environment own = OwnEnvironment();
  for (const char* name :
       {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID",
        "CLAUDE_PROJECT_DIR", "IRIS_SESSION", "IRIS_READY_FD"}) {
    EXPECT_THAT(own, Not(Contains(Key(name))));
  }
  EXPECT_THAT(own, Contains(Pair("CLAUDE_CODE_OAUTH_TOKEN", "t")));
  EXPECT_THAT(own, Contains(Pair("EMPTY", "")));
}

TEST(EnvironmentTest, TheLargestGoFirstWhereItIsTooLarge) {
  Environment env = {{"A", "small"},
                     {"B", std::string(kEnvironmentBytesMax - 100, 'b')},
                     {"C", std::string(200, 'c')}};
  CutEnvironment(env);
  EXPECT_THAT(env, ElementsAre(Key("A"), Key("C")));

  Environment fits = {{"A", std::string(kEnvironmentBytesMax - 3, 'a')}};  // With '=' and NUL.
  CutEnvironment(fits);
  EXPECT_THAT(fits, SizeIs(1));
  fits["A"] += "a";
  CutEnvironment(fits);
  EXPECT_THAT(fits, SizeIs(0));
}

TEST(EnvironmentTest, OverTheWireItIsTheSame) {
  const Environment env = {{"A", "b=c"}, {"EMPTY", ""}, {"RAW", "\xff\n"}};
  EXPECT_EQ(EnvironmentFromProto(EnvironmentToProto(env)), env);
}

TEST(EnvironmentTest, WhatIsNoVariableIsLeftOut) {
  v1::Environment said;
  for (const std::string& entry :
       {std::string("no equals"), std::string("=x"), std::string(), std::string("NUL=a\0b", 7),
        std::string("CLAUDECODE=1"), std::string("GOOD=1"), std::string("GOOD=2")}) {
    said.add_entries(entry);
  }
  EXPECT_THAT(EnvironmentFromProto(said), ElementsAre(Pair("GOOD", "1")));
  for (size_t i = 0; i < 2 * kEnvironmentEntriesMax; ++i) {
    said.add_entries("V" + std::to_string(i) + "=");
  }
  EXPECT_THAT(EnvironmentFromProto(said), SizeIs(kEnvironmentEntriesMax));
}

TEST(EnvironmentTest, NoCoreIsLeft) {
  LeaveNoCores();
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 0u);
}

}  // namespace
}  // namespace iris
