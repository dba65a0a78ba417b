#include "common/base/alive_flag.h"

#include <memory>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(AliveFlagTest, AWatchSaysWhetherTheObjectIsThere) {
  auto flag = std::make_unique<AliveFlag>();
  const AliveWatch watch = flag->Watch();
  const AliveWatch copy = watch;
  EXPECT_TRUE(watch);
  EXPECT_TRUE(copy.is_set());
  flag = nullptr;
  EXPECT_FALSE(watch);
  EXPECT_FALSE(copy.is_set());
}

TEST(AliveFlagTest, ADestructorMayClearItFirst) {
  AliveFlag flag;
  const AliveWatch before = flag.Watch();
  flag.Clear();
  EXPECT_FALSE(before);
  EXPECT_FALSE(flag.Watch());
}

}  // namespace
}  // namespace iris
