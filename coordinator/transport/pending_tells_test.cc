#include "coordinator/transport/pending_tells.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/transport/pending_cancels.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PendingTell New(const std::string& id) { return {.id = id, .text = "text of " + id}; }
PendingTell Given(const std::string& id) {
  return {.id = id, .text = "", .sent = true, .given = true};
}
PendingTell Begun(const std::string& id) {
  return {.id = id, .text = "", .sent = true, .given = true, .has_text = true, .begun = true};
}

TEST(PendingTellsTest, WhatTheHostMayHaveIsToldFromTheRest) {
  PendingTells tells;
  EXPECT_FALSE(tells.any_given());
  tells.Add(New("a"));
  EXPECT_FALSE(tells.any_sent());
  tells.Add(Given("b"));
  EXPECT_TRUE(tells.any_sent());
  EXPECT_TRUE(tells.any_given());
  EXPECT_THAT(tells.GivenIds(), ElementsAre("b"));
  EXPECT_THAT(tells.NotGivenIds(), ElementsAre("a"));
  EXPECT_EQ(tells.Remove("a").text, "text of a");
  EXPECT_EQ(tells.Find("a"), nullptr);
  EXPECT_THAT(tells.NotGivenIds(), IsEmpty());
}

TEST(PendingTellsTest, ATransportInPlaceOfThisOneGetsAllInTheirOrder) {
  PendingTells tells;
  tells.Add(New("a"));
  tells.Add(Given("b"));
  const std::vector<OpenTell> open = tells.Open();
  ASSERT_EQ(open.size(), 2u);
  EXPECT_EQ(open[0].text, "text of a");
  EXPECT_FALSE(open[0].sent);
  EXPECT_EQ(open[1].id, "b");
  EXPECT_TRUE(open[1].given);
}

TEST(PendingTellsTest, AnotherStreamHasNothingOfWhatWasSentOverTheLast) {
  PendingTells tells;
  tells.Add(Given("a"));
  tells.Find("a")->on_stream = true;
  tells.OnNewStream();
  EXPECT_FALSE(tells.Find("a")->on_stream);
  EXPECT_TRUE(tells.Find("a")->given);
}

TEST(PendingTellsTest, ATellThatIsBeingReadWasNotBegunElsewhere) {
  PendingTells tells;
  tells.Add(Begun("a"));
  EXPECT_EQ(tells.BegunId(), "a");
  EXPECT_FALSE(BeganElsewhere(*tells.Find("a"), "a"));
  EXPECT_TRUE(BeganElsewhere(*tells.Find("a"), ""));
  EXPECT_THAT(tells.BegunElsewhereIds(/*journal_is_known=*/true, "a"), IsEmpty());
  EXPECT_THAT(tells.BegunElsewhereIds(/*journal_is_known=*/false, "a"), ElementsAre("a"));
}

TEST(PendingTellsTest, AJournalThatIsLostTakesWithItWhatWasReadOfATell) {
  PendingTells tells;
  tells.Add(Begun("a"));
  tells.Add(Given("b"));  // Of which nothing was read.
  tells.OnJournalLost();
  EXPECT_TRUE(BeganElsewhere(*tells.Find("a"), "a"));
  EXPECT_FALSE(BeganElsewhere(*tells.Find("b"), "a"));
}

TEST(PendingTellsDeathTest, ATellThatIsNotThereIsNotSettled) {
  PendingTells tells;
  EXPECT_DEATH(tells.Remove("a"), "a message is settled that is not under way");
}

TEST(PendingCancelsTest, ACancelIsForTheHostThatHasTheMessageOrForAny) {
  PendingCancels cancels;
  cancels.Add("a", "gpu1");
  cancels.Add("b", "");
  EXPECT_TRUE(cancels.IsForOtherThan("gpu2", "a"));
  EXPECT_FALSE(cancels.IsForOtherThan("gpu1", "a"));
  EXPECT_FALSE(cancels.IsForOtherThan("gpu2", "b"));
  EXPECT_FALSE(cancels.IsForOtherThan("gpu2", "unknown"));
  EXPECT_TRUE(cancels.AnyFor("gpu2"));
  EXPECT_TRUE(cancels.Remove("b"));
  EXPECT_FALSE(cancels.AnyFor("gpu2"));
  EXPECT_FALSE(cancels.Remove("b"));
}

TEST(PendingCancelsTest, EachIsKeptOnceAndNotWithoutEnd) {
  PendingCancels cancels;
  cancels.Add("0", "gpu1");
  cancels.Add("0", "gpu2");
  EXPECT_TRUE(cancels.IsForOtherThan("gpu2", "0"));
  for (size_t i = 1; i <= PendingCancels::kCancelsMax; ++i) cancels.Add(absl::StrCat(i), "gpu1");
  EXPECT_EQ(cancels.TellIds().size(), PendingCancels::kCancelsMax);
  EXPECT_FALSE(cancels.Has(absl::StrCat(PendingCancels::kCancelsMax)));
}

}  // namespace
}  // namespace iris
