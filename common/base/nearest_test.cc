#include "common/base/nearest.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(NearestTest, ATypingMistakeFindsItsWord) {
  EXPECT_EQ(Nearest({"backend", "frontend", "gpu"}, "fronted"), "frontend");
  EXPECT_EQ(Nearest({"backend", "frontend", "gpu"}, "GPU"), "gpu");
}

TEST(NearestTest, AnotherWordFindsNothing) {
  EXPECT_EQ(Nearest({"backend", "gpu"}, "database"), "");
  EXPECT_EQ(Nearest({"a"}, "b"), "");
  EXPECT_EQ(Nearest({}, "b"), "");
  EXPECT_EQ(Nearest({"x"}, std::string(100, 'x')), "");
}

TEST(NearestTest, TheNearestNamesComeFirst) {
  EXPECT_THAT(NearestFirst({"alpha", "backend", "gpu", "gpu2", "web"}, "gpux"),
              ::testing::ElementsAre("gpu", "gpu2", "alpha", "web", "backend"));
  EXPECT_TRUE(NearestFirst({}, "x").empty());
}

}  // namespace
}  // namespace iris
