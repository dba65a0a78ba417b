#include "coordinator/transport/prose.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(ProseTest, WhatMayBeACommandGetsABlankAndNothingElseDoes) {
  EXPECT_EQ(AsProse("/clear"), " /clear");
  EXPECT_EQ(AsProse("/login returns 500, please look"), " /login returns 500, please look");
  EXPECT_EQ(AsProse("/etc/hosts is empty"), " /etc/hosts is empty");
  for (const char* text : {"", "clear", " /clear", "\n/clear", "see /clear", "!ls", "# note"}) {
    EXPECT_EQ(AsProse(text), text);
    EXPECT_EQ(ProseBlankBytes(text), 0u);
  }
  EXPECT_EQ(ProseBlankBytes("/x"), 1u);
}

}  // namespace
}  // namespace iris
