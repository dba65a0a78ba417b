#include "common/environment/environment.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "common/environment/environment_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Le;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(EnvironmentTest, OurOwnIsWithoutWhatAClaudeAroundUsLeft) {
  for (const char* name : {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT",
                           "CLAUDE_CODE_SESSION_ID", "CLAUDE_PROJECT_DIR", "IRIS_DAEMON",
                           "IRIS_SESSION", "IRIS_READY_FD", "OLDPWD", kLeftOutVariable}) {
    ASSERT_EQ(setenv(name, "x", 1), 0);
  }
  ASSERT_EQ(setenv("CLAUDE_CODE_OAUTH_TOKEN", "t", 1), 0);
  ASSERT_EQ(setenv("EMPTY", "", 1), 0);
  const Environment own = OwnEnvironment();
  for (const char* name : {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT",
                           "CLAUDE_CODE_SESSION_ID", "CLAUDE_PROJECT_DIR", "IRIS_DAEMON",
                           "IRIS_SESSION", "IRIS_READY_FD", "OLDPWD", kLeftOutVariable}) {
    EXPECT_THAT(own, Not(Contains(Key(name))));
  }
  EXPECT_THAT(own, Contains(Pair("CLAUDE_CODE_OAUTH_TOKEN", "t")));
  EXPECT_THAT(own, Contains(Pair("EMPTY", "")));
}

size_t BytesOf(const Environment& env) {
  size_t bytes = 0;
  for (const auto& [name, value] : env) bytes += name.size() + value.size() + 2;
  return bytes;
}

TEST(EnvironmentTest, TheLargestGoFirstWhereItIsTooLargeAndAreNamed) {
  Environment env = {{"A", "small"},
                     {"B", std::string(kEnvironmentBytesMax - 100, 'b')},
                     {"C", std::string(200, 'c')}};
  CutEnvironment(env);
  EXPECT_THAT(env, ElementsAre(Key("A"), Key("C"), Pair(kLeftOutVariable, "B")));
  EXPECT_THAT(LeftOutOf(env), ElementsAre("B"));
  env["D"] = std::string(kEnvironmentBytesMax, 'd');
  CutEnvironment(env);
  EXPECT_THAT(LeftOutOf(env), ElementsAre("B", "D")) << "also what was cut before";

  Environment fits = {{"A", std::string(kEnvironmentBytesMax - 3, 'a')}};  // With '=' and NUL.
  CutEnvironment(fits);
  EXPECT_THAT(fits, ElementsAre(Key("A")));
  EXPECT_THAT(LeftOutOf(fits), IsEmpty());
  fits["A"] += "a";
  CutEnvironment(fits);
  EXPECT_THAT(fits, ElementsAre(Pair(kLeftOutVariable, "A")));
}

TEST(EnvironmentTest, WhatEverythingNeedsIsNotCut) {
  const std::vector<std::string> needed = {"HOME", "LANG", "LOGNAME", "PATH", "USER"};
  Environment many, large = {{"TOKEN", std::string(1000, 't')}};
  for (const std::string& name : needed) {
    many[name] = "x";
    large[name] = std::string(kEnvironmentBytesMax / 6, 'x');
  }
  large["ZONE"] = std::string(kEnvironmentBytesMax / 6, 'z');
  for (size_t i = 0; many.size() <= kEnvironmentEntriesMax; ++i) {
    many["A" + std::to_string(i)] = "";
  }
  CutEnvironment(many);
  CutEnvironment(large);
  for (const std::string& name : needed) {
    EXPECT_THAT(many, Contains(Key(name)));
    EXPECT_THAT(large, Contains(Key(name)));
  }
  EXPECT_THAT(many, AllOf(SizeIs(kEnvironmentEntriesMax), Contains(Key(kLeftOutVariable))));
  EXPECT_THAT(large, AllOf(Contains(Key("TOKEN")), Contains(Pair(kLeftOutVariable, "ZONE"))));
}

TEST(EnvironmentTest, WhatIsCutIsWithinTheBoundsHoweverMuchThatIs) {
  Environment env = {{"PATH", std::string(kEnvironmentBytesMax, 'p')}};  // Too large by itself.
  for (size_t i = 0; i < 3 * kEnvironmentEntriesMax; ++i) env["NAME_" + std::to_string(i)] = "x";
  CutEnvironment(env);
  EXPECT_THAT(env, SizeIs(Le(kEnvironmentEntriesMax)));
  EXPECT_LE(BytesOf(env), kEnvironmentBytesMax);
  EXPECT_LE(env.at(kLeftOutVariable).size(), kLeftOutBytesMax);
  EXPECT_THAT(LeftOutOf(env).back(), testing::MatchesRegex("and [0-9]+ more"));
  env[kLeftOutVariable] = std::string(3 * kLeftOutBytesMax, ',') + "X";  // A stranger's word.
  EXPECT_THAT(LeftOutOf(env), IsEmpty());
}

TEST(EnvironmentTest, OverTheWireItIsTheSame) {
  const Environment env = {{"A", "b=c"}, {"EMPTY", ""}, {"RAW", "\xff\n"}};
  v1::Environment heard;
  ASSERT_TRUE(heard.ParseFromString(EnvironmentToProto(env).SerializeAsString()));
  EXPECT_EQ(EnvironmentFromProto(heard), env);
}

TEST(EnvironmentTest, WhatIsNoVariableIsLeftOut) {
  v1::Environment said;
  for (const std::string& entry :
       {std::string("no equals"), std::string("=x"), std::string(), std::string("NUL=a\0b", 7),
        std::string("CLAUDECODE=1"), std::string("GOOD=1"), std::string("GOOD=2")}) {
    said.add_entries(entry);
  }
  EXPECT_THAT(EnvironmentFromProto(said), ElementsAre(Pair("GOOD", "1")));
}

// Also none is handed to a program: core(5) has 1 as the limit that says so.
TEST(EnvironmentTest, NoCoreIsLeft) {
  rlimit limit;
  LeaveNoCores();
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, std::min<rlim_t>(1, limit.rlim_max));

  // Where nobody may raise it to 1 the core is there, and empty.
  limit = {.rlim_cur = 0, .rlim_max = 0};
  ASSERT_EQ(setrlimit(RLIMIT_CORE, &limit), 0);
  LeaveNoCores();
  std::string filter;
  std::ifstream("/proc/self/coredump_filter") >> filter;
  EXPECT_EQ(filter, "00000000");
}

}  // namespace
}  // namespace iris
