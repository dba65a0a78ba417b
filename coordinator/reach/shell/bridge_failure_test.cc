#include "coordinator/reach/shell/bridge_failure.h"

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(BridgeFailureTest, TheLastLineOfStderrSaysIt) {
  const absl::optional<absl::Status> said =
      FailureOfBridge("bashrc: no tput\r\niris-agent: storage: no space in /home\n\n");
  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(KindOf(*said), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(*said).detail(), testing::HasSubstr("the host says: no space in /home"));
}

TEST(BridgeFailureTest, WhatIsNotTheBridgesIsNothing) {
  for (const char* text : {"", "\n", "iris-agent: storage", "iris-agent: luck: none",
                           "iris-agent: storage: full\nKilled\n", "sh: storage: full"}) {
    EXPECT_FALSE(FailureOfBridge(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace iris
