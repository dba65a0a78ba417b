#include "common/log/check.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(CheckDeathTest, WhatDoesNotHoldEndsTheProgramWhoseLogSaysIt) {
  EXPECT_DEATH(Check(false, "two turns at a time"), "ERROR this cannot be: two turns at a time");
}

TEST(CheckTest, WhatHoldsDoesNothing) { Check(true, "never said"); }

}  // namespace
}  // namespace iris
