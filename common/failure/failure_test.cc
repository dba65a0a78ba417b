#include "common/failure/failure.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

TEST(FailureTest, KindDetailAndFixSurviveTheWire) {
  const absl::Status status = MakeFailure(v1::FAILURE_AUTH, "m@gpu1: Permission denied", "ssh-add");

  const absl::Status back = FromProto(ToProto(status));

  EXPECT_EQ(KindOf(back), v1::FAILURE_AUTH);
  EXPECT_EQ(back.message(), "m@gpu1: Permission denied");
  EXPECT_EQ(ToProto(back).fix(), "ssh-add");
}

TEST(FailureTest, UntypedErrorIsOurBug) {
  EXPECT_EQ(KindOf(absl::UnknownError("x")), v1::FAILURE_INTERNAL);
  EXPECT_EQ(KindOf(absl::OkStatus()), v1::FAILURE_UNSPECIFIED);
}

TEST(FailureTest, ContextGoesBeforeTheDetailAndKeepsTheKind) {
  const absl::Status status = Annotate(MakeFailure(v1::FAILURE_TIMEOUT, "no answer"), "team gpu");
  EXPECT_EQ(status.message(), "team gpu: no answer");
  EXPECT_EQ(KindOf(status), v1::FAILURE_TIMEOUT);
}

TEST(FailureTest, EveryKindHasANameACauseAndAFixOfItsOwn) {
  std::set<absl::string_view> names, causes;
  for (int number = v1::FailureKind_MIN; number <= v1::FailureKind_MAX; ++number) {
    const auto kind = static_cast<FailureKind>(number);
    EXPECT_TRUE(names.insert(KindName(kind)).second) << KindName(kind);
    EXPECT_TRUE(causes.insert(CauseFor(kind)).second) << CauseFor(kind);
    EXPECT_THAT(std::string(FixFor(kind)), EndsWith("."));
  }
}

TEST(FailureTest, NoGeneralFixSendsTheReaderBackToTheDetail) {
  for (int number = v1::FailureKind_MIN; number <= v1::FailureKind_MAX; ++number) {
    const std::string fix(FixFor(static_cast<FailureKind>(number)));
    EXPECT_EQ(fix.find("Correct what"), fix.npos) << fix;
    EXPECT_EQ(fix.find("Read the detail"), fix.npos) << fix;
  }
}

TEST(FailureTest, AKindFromANewerPeerIsShownAsOurs) {
  EXPECT_EQ(KindName(static_cast<FailureKind>(4711)), "internal");
}

TEST(FailureTest, LongTextIsCutAtACharacter) {
  std::string text(8188, 'x');
  text += "é";  // With the sign the bound falls between its two bytes.
  text += "tail";
  const std::string cut(MakeFailure(v1::FAILURE_INTERNAL, text).message());
  EXPECT_EQ(cut, std::string(8188, 'x') + "…");
}

TEST(FailureTest, WhatComesOverTheWireIsBoundedToo) {
  Failure failure;
  failure.set_kind(v1::FAILURE_AUTH);
  failure.set_detail(std::string(3 << 20, 'x'));
  failure.set_fix(std::string(3 << 20, 'y'));

  const Failure back = ToProto(FromProto(failure));

  EXPECT_EQ(back.kind(), v1::FAILURE_AUTH);
  EXPECT_EQ(back.detail().size(), kFailureDetailBytesMax);
  EXPECT_EQ(back.fix().size(), kFailureFixBytesMax);
}

TEST(FailureTest, WhatIsNoUtf8KeepsItsKind) {
  const absl::Status status = MakeFailure(v1::FAILURE_CHILD_EXITED, "said \xFF\xE4");
  EXPECT_EQ(KindOf(status), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(status.message(), "said \xEF\xBF\xBD\xEF\xBF\xBD");
  // Each bad byte becomes three: the bound holds afterwards.
  EXPECT_LE(MakeFailure(v1::FAILURE_INTERNAL, std::string(8192, '\xFF')).message().size(),
            kFailureDetailBytesMax);
}

TEST(FailureTest, PeopleSeeKindDetailAndFix) {
  EXPECT_THAT(Describe(ToProto(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: refused"))),
              StartsWith("unreachable: gpu1: refused\nfix: Check"));
}

}  // namespace
}  // namespace iris
