#include "coordinator/orchestrator/kept_text.h"

#include <memory>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(KeptTextTest, AllThatAreKeptHaveOneBound) {
  size_t total = 0;
  std::unique_ptr<KeptText> first = KeptText::Keep("1234", total, 10);
  const std::unique_ptr<KeptText> second = KeptText::Keep("123456", total, 10);
  ASSERT_TRUE(first != nullptr && second != nullptr);
  EXPECT_EQ(total, 10u);
  EXPECT_EQ(KeptText::Keep("1", total, 10), nullptr);
  EXPECT_EQ(first->Take(), "1234");
  first.reset();
  EXPECT_EQ(total, 6u);
  EXPECT_NE(KeptText::Keep("1234", total, 10), nullptr);
  EXPECT_EQ(KeptText::Keep("12345", total, 10), nullptr);
  EXPECT_EQ(total, 6u);
}

TEST(KeptTextTest, OneThatIsTooLongAloneIsNotKept) {
  size_t total = 0;
  EXPECT_EQ(KeptText::Keep("12345678901", total, 10), nullptr);
}

}  // namespace
}  // namespace iris
