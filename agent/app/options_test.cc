#include "agent/app/options.h"

#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

void ExpectRefused(const std::vector<std::string>& args, const std::string& naming) {
  const absl::Status status = ParseOptions(args).status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(status.message()), HasSubstr(naming));
}

TEST(OptionsTest, BothSpellingsAreUnderstood) {
  const Options options = ParseOptions({"--home", "/h", "--data=/d", "--idle-exit-ms=250"}).value();
  EXPECT_EQ(options.home, "/h");
  EXPECT_EQ(options.data, "/d");
  EXPECT_EQ(options.idle_exit, absl::Milliseconds(250));
}

TEST(OptionsTest, WithoutArgumentsItIsTheAccountsAgentForAnHour) {
  const Options options = ParseOptions({}).value();
  EXPECT_EQ(options.home, "");
  EXPECT_EQ(options.data, "");
  EXPECT_EQ(options.idle_exit, absl::Hours(1));
}

TEST(OptionsTest, WhatIsWrongIsNamed) {
  ExpectRefused({"--home", "relative"}, "--home relative");
  ExpectRefused({"--home"}, "--home");
  ExpectRefused({"--data="}, "--data");
  ExpectRefused({"--idle-exit-ms", "0"}, "--idle-exit-ms 0");
  ExpectRefused({"--idle-exit-ms", "soon"}, "soon");
  ExpectRefused({"--handed-over", "2"}, "--handed-over 2");
  ExpectRefused({"--verbose"}, "--verbose");
  ExpectRefused({"stray"}, "stray");
}

// The state is read once: what a bridge or the next upgrade starts must not look for it.
TEST(OptionsTest, WhatWasHandedOverIsNotHandedOn) {
  const Options options = ParseOptions({"--home", "/h", "--handed-over", "7"}).value();
  EXPECT_EQ(options.handed_over, 7);
  EXPECT_EQ(ArgumentsFor(options), (std::vector<std::string>{"--home", "/h"}));
}

TEST(OptionsTest, ArgumentsSurviveTheRoundTrip) {
  const std::vector<std::string> args = {"--home", "/h", "--data", "/d", "--idle-exit-ms", "9"};
  EXPECT_EQ(ArgumentsFor(ParseOptions(args).value()), args);
  EXPECT_TRUE(ArgumentsFor(Options()).empty());
}

}  // namespace
}  // namespace iris
