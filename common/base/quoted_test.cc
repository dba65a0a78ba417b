#include "common/base/quoted.h"

#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(QuotedTest, ANameIsShownAsItIs) {
  EXPECT_EQ(Quoted("gpu"), "\"gpu\"");
  EXPECT_EQ(Quoted("größe"), "\"größe\"");
  EXPECT_EQ(Quoted(""), "\"\"");
}

TEST(QuotedTest, WhatWouldBreakATextIsEscapedAndWhatIsLongIsCut) {
  EXPECT_EQ(Quoted("a\"b\n\x1b"), "\"a\\\"b\\n\\033\"");
  const std::string cut = Quoted(std::string(1000, 'x'));
  EXPECT_LE(cut.size(), 102u);
  EXPECT_NE(cut.find("…"), std::string::npos);
}

}  // namespace
}  // namespace iris
