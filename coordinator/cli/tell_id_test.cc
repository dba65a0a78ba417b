#include "coordinator/cli/tell_id.h"

#include <string>

#include "absl/status/status.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kFirst[] = "12345678-aaaa-4000-8000-000000000001";
constexpr char kSecond[] = "12345678-bbbb-4000-8000-000000000002";
constexpr char kThird[] = "98f5e69d-0000-4000-8000-000000000003";

v1::ListTellsResponse Kept() {
  v1::ListTellsResponse tells;
  for (const char* id : {kFirst, kSecond, kThird}) {
    tells.add_tells()->set_tell_id(id);
    tells.mutable_tells(tells.tells_size() - 1)->set_from(id == kThird ? "web" : "cli");
  }
  return tells;
}

TEST(TellIdTest, TheBeginningOfAnIdIsEnough) {
  EXPECT_EQ(FindTellId(Kept(), "98f5").value(), kThird);
  EXPECT_EQ(FindTellId(Kept(), "98F5E69D").value(), kThird);
  EXPECT_EQ(FindTellId(Kept(), "12345678-b").value(), kSecond);
  EXPECT_EQ(FindTellId(Kept(), kFirst).value(), kFirst);
}

TEST(TellIdTest, WhatIsNoneOrSeveralIsSaid) {
  const absl::Status none = FindTellId(Kept(), "nonsense").status();
  EXPECT_EQ(KindOf(none), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(none).detail(), HasSubstr("there is no message \"nonsense\""));
  const absl::Status several = FindTellId(Kept(), "1234").status();
  EXPECT_EQ(KindOf(several), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(several).detail(),
              AllOf(HasSubstr("2 messages"), HasSubstr(kFirst), HasSubstr(kSecond)));
}

TEST(TellIdTest, WhatMayBeASlipOfTheHandIsNoId) {
  for (const char* begins : {"", "9", "98f"}) {
    const Failure failure = ToProto(FindTellId(Kept(), begins).status());
    EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST) << begins;
    EXPECT_THAT(failure.fix(), HasSubstr("4 characters")) << begins;
  }
}

TEST(TellIdTest, TheLastOneIsTheNewestOfItsSender) {
  EXPECT_EQ(LastTellId(Kept(), "cli").value(), kSecond);
  EXPECT_EQ(LastTellId(Kept(), "web").value(), kThird);
  EXPECT_THAT(ToProto(LastTellId(Kept(), "gpu").status()).detail(), HasSubstr("\"gpu\""));
}

TEST(TellIdTest, AsManyCharactersAreShownAsTellThemApart) {
  EXPECT_EQ(IdCharactersShown(Kept()), 10u);
  v1::ListTellsResponse one;
  one.add_tells()->set_tell_id(kThird);
  EXPECT_EQ(IdCharactersShown(one), 8u);
  EXPECT_EQ(IdCharactersShown({}), 8u);
}

}  // namespace
}  // namespace iris
