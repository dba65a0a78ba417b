#include "coordinator/service/open_calls.h"

#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(OpenCallsTest, OneMoreThanThereMayBeIsRefusedAndLeavesRoomWhenItEnds) {
  OpenCalls calls;
  for (size_t i = 0; i < OpenCalls::kMax; ++i) ASSERT_TRUE(calls.Begin().ok()) << i;
  EXPECT_EQ(KindOf(calls.Begin()), v1::FAILURE_BUSY_LIMIT);
  calls.End();
  EXPECT_EQ(KindOf(calls.Begin()), v1::FAILURE_BUSY_LIMIT) << "as many are open as before";
  calls.End();
  calls.End();
  EXPECT_TRUE(calls.Begin().ok());
  EXPECT_EQ(calls.open(), OpenCalls::kMax);
}

TEST(OpenCallsTest, WhatIsAnsweredAtOnceIsCountedAndNeverOpen) {
  OpenCalls calls;
  calls.Note();
  ASSERT_TRUE(calls.Begin().ok());
  calls.End();
  EXPECT_EQ(calls.open(), 0u);
  EXPECT_EQ(calls.begun(), 2u);
}

}  // namespace
}  // namespace iris
