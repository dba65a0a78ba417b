#include "coordinator/config/expand.h"

#include <map>
#include <string>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::string> Expand(absl::string_view text) {
  return ExpandVariables(text, [](absl::string_view name) -> absl::optional<std::string> {
    if (name == "USER") return "ml";
    if (name == "EMPTY") return "";
    if (name == "NESTED") return "${USER}";
    if (name == "LONG") return std::string(40 << 10, 'x');
    return absl::nullopt;
  });
}

TEST(ExpandTest, VariablesAndDefaultsAreReplaced) {
  EXPECT_EQ(*Expand("ssh ${USER}@${HOST:-gpu1}"), "ssh ml@gpu1");
  EXPECT_EQ(*Expand("${USER:-root}"), "ml");
  EXPECT_EQ(*Expand("${HOST:-}"), "");
}

TEST(ExpandTest, AnEmptyVariableTakesTheDefaultAsInAShell) {
  EXPECT_EQ(*Expand("${EMPTY:-d}"), "d");
  EXPECT_EQ(*Expand("<${EMPTY}>"), "<>");
}

TEST(ExpandTest, NothingElseIsSpecial) {
  EXPECT_EQ(*Expand("$USER $$ {USER} $ 5$"), "$USER $$ {USER} $ 5$");
}

TEST(ExpandTest, WhatAVariableHoldsIsNotExpandedAgain) {
  EXPECT_EQ(*Expand("${NESTED}"), "${USER}");
}

TEST(ExpandTest, AnUnsetVariableIsNamedWithTheFix) {
  const absl::Status status = Expand("${HOST}").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("variable HOST is not set"));
  EXPECT_THAT(ToProto(status).fix(), HasSubstr("${HOST:-default}"));
}

TEST(ExpandTest, OtherFormsOfAShellAreRefused) {
  for (const char* text :
       {"${HOST", "${}", "${1}", "${A-b}", "${A:+b}", "${#A}", "${ A}", "${:-d}"}) {
    EXPECT_EQ(KindOf(Expand(text).status()), v1::FAILURE_BAD_REQUEST) << text;
  }
}

TEST(ExpandTest, TheResultIsBounded) {
  EXPECT_TRUE(Expand("${LONG}").ok());
  EXPECT_THAT(std::string(Expand("${LONG}${LONG}").status().message()), HasSubstr("longer than"));
}

TEST(ExpandTest, HomeReplacesOnlyALeadingTilde) {
  EXPECT_EQ(*ExpandHome("~/.ssh/key", "/home/me"), "/home/me/.ssh/key");
  EXPECT_EQ(*ExpandHome("/a/~/b", "/home/me"), "/a/~/b");
  EXPECT_FALSE(ExpandHome("~/.ssh/key", "").ok());
}

}  // namespace
}  // namespace iris
