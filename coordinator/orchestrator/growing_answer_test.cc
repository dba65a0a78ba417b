#include "coordinator/orchestrator/growing_answer.h"

#include <memory>
#include <string>
#include <utility>

#include "coordinator/orchestrator/checkpoints.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

constexpr size_t kBytesMax = 10;

TEST(GrowingAnswerTest, WhatIsStoredIsNotStoredAgain) {
  GrowingAnswer answer;
  answer.Append("one ", kBytesMax);
  const UnsavedText first = answer.Unsaved("tell");
  EXPECT_EQ(first.tell_id, "tell");
  EXPECT_EQ(first.text, "one ");
  answer.Append("two", kBytesMax);  // While that is being stored.
  answer.OnStored(first.text.size(), first.round);
  const UnsavedText second = answer.Unsaved("tell");
  EXPECT_EQ(second.text, "two");
  EXPECT_EQ(second.text_at, 4u);
  EXPECT_FALSE(second.void_before);
  EXPECT_EQ(*answer.Whole(), "one two");
}

// The store's thread reads it meanwhile.
TEST(GrowingAnswerTest, WhatIsBeingStoredStaysWhereItIsWhileTheAnswerGrows) {
  GrowingAnswer answer;
  std::string all(100, 'a');
  answer.Append(all, 1 << 20);
  const UnsavedText unsaved = answer.Unsaved("tell");
  for (int i = 0; i < 100; ++i) {
    answer.Append(std::string(100, 'b'), 1 << 20);
    all += std::string(100, 'b');
  }
  EXPECT_EQ(unsaved.text, std::string(100, 'a'));
  const UnsavedText more = answer.Unsaved("tell");
  answer.Finish(/*bytes_max=*/50, /*is_answered=*/false);
  EXPECT_EQ(*answer.Whole(), all.substr(0, 50));
  EXPECT_EQ(more.text, all);
}

TEST(GrowingAnswerTest, ALongTextIsNotCopied) {
  std::string text(1 << 20, 'x');
  const char* const bytes = text.data();
  GrowingAnswer answer;
  answer.Append(std::move(text), 1 << 20);
  EXPECT_EQ(answer.Unsaved("tell").text.data(), bytes);
  EXPECT_EQ(answer.Whole()->data(), bytes);
}

TEST(GrowingAnswerTest, WhatBecomesVoidWhileItIsStoredIsVoidInTheStoreToo) {
  GrowingAnswer answer;
  answer.Append("half", kBytesMax);
  const UnsavedText half = answer.Unsaved("tell");
  answer.Void();
  answer.Append("whole", kBytesMax);
  answer.OnStored(half.text.size(), half.round);
  const UnsavedText unsaved = answer.Unsaved("tell");
  EXPECT_TRUE(unsaved.void_before);
  EXPECT_EQ(unsaved.text_at, 0u);
  EXPECT_EQ(unsaved.text, "whole");
  answer.OnStored(unsaved.text.size(), unsaved.round);
  EXPECT_FALSE(answer.Unsaved("tell").void_before);
}

TEST(GrowingAnswerTest, WhatIsStoredOfItNeedNotBeStoredAgain) {
  GrowingAnswer answer;
  EXPECT_EQ(answer.stored_bytes(), 0u);
  answer.Append("one ", kBytesMax);
  const UnsavedText first = answer.Unsaved("tell");
  EXPECT_EQ(answer.stored_bytes(), 0u);
  answer.OnStored(first.text.size(), first.round);
  answer.Append("two", kBytesMax);
  EXPECT_EQ(answer.stored_bytes(), 4u);
  answer.Void();
  EXPECT_EQ(answer.stored_bytes(), 0u) << "what is stored does not count";
  answer.Append("whole", kBytesMax);
  const UnsavedText whole = answer.Unsaved("tell");
  answer.OnStored(whole.text.size(), whole.round);
  EXPECT_EQ(answer.stored_bytes(), 5u);
  answer.Finish(/*bytes_max=*/3, /*is_answered=*/true);
  EXPECT_EQ(*answer.Whole(), "who");
  EXPECT_EQ(answer.stored_bytes(), 3u);
  answer.GiveUp();
  EXPECT_EQ(answer.stored_bytes(), 0u);
}

TEST(GrowingAnswerTest, OneByteTooManySaysThatItIsTooLong) {
  GrowingAnswer answer;
  answer.Append("0123456789", kBytesMax);
  EXPECT_FALSE(answer.IsLongerThan(kBytesMax));
  answer.Append("abc", kBytesMax);
  EXPECT_TRUE(answer.IsLongerThan(kBytesMax));
  EXPECT_EQ(answer.bytes(), kBytesMax + 1);
  answer.Append("abc", kBytesMax);
  EXPECT_EQ(answer.bytes(), kBytesMax + 1);
  answer.Finish(kBytesMax, /*is_answered=*/true);
  EXPECT_EQ(*answer.Whole(), "0123456789");
  EXPECT_EQ(answer.bytes(), kBytesMax);
}

TEST(GrowingAnswerTest, OfWhatIsGivenUpOnlyWhoHasItHasIt) {
  GrowingAnswer answer;
  answer.Append("answer", kBytesMax);
  answer.set_structured_bytes(3);
  answer.Finish(kBytesMax, /*is_answered=*/true);
  const std::shared_ptr<const std::string> whole = answer.Whole();
  answer.GiveUp();
  EXPECT_EQ(*whole, "answer");
  EXPECT_EQ(answer.bytes(), 0u);
  EXPECT_EQ(answer.structured_bytes(), 0u);
  EXPECT_EQ(*answer.Whole(), "");
}

TEST(GrowingAnswerDeathTest, WhatIsWholeDoesNotGrow) {
  GrowingAnswer answer;
  answer.Append("one", kBytesMax);
  answer.Whole();
  EXPECT_DEATH(answer.Append("two", kBytesMax), "an answer grows that is whole");
}

TEST(GrowingAnswerTest, AFailureHasNoStructuredEnd) {
  GrowingAnswer answer;
  answer.Append("text{}", kBytesMax);
  answer.set_structured_bytes(2);
  answer.Finish(kBytesMax, /*is_answered=*/false);
  EXPECT_EQ(answer.structured_bytes(), 0u);
}

TEST(GrowingAnswerTest, ThatWhichIsPutOffBeginsAnew) {
  GrowingAnswer answer;
  answer.Restore("of an earlier life");
  EXPECT_EQ(answer.Unsaved("tell").text, "");
  v1::TurnAccount account;
  account.set_tools(3);
  answer.set_account(account);
  answer.StartAnew();
  EXPECT_EQ(answer.bytes(), 0u);
  EXPECT_EQ(answer.account().tools(), 0u);
  EXPECT_FALSE(answer.Unsaved("tell").void_before);
  EXPECT_EQ(answer.Unsaved("tell").text_at, 0u);
}

}  // namespace
}  // namespace iris
