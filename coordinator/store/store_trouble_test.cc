#include "coordinator/store/store_trouble.h"

#include "absl/status/status.h"
#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(StoreTroubleTest, AFailureHasTheTroubleThatItWasGivenElseStorage) {
  const absl::Status plain = MakeFailure(v1::FAILURE_STORAGE, "no room", "Make some.");
  EXPECT_EQ(TroubleOf(absl::OkStatus()), StoreTrouble::kNone);
  EXPECT_EQ(TroubleOf(plain), StoreTrouble::kStorage);
  for (const StoreTrouble trouble :
       {StoreTrouble::kStorage, StoreTrouble::kConflict, StoreTrouble::kLost}) {
    EXPECT_EQ(TroubleOf(WithTrouble(plain, trouble)), trouble);
  }
}

TEST(StoreTroubleTest, TheWordsForPeopleStay) {
  const absl::Status lost =
      WithTrouble(MakeFailure(v1::FAILURE_STORAGE, "damaged", "Move it."), StoreTrouble::kLost);
  EXPECT_EQ(KindOf(lost), v1::FAILURE_STORAGE);
  EXPECT_EQ(ToProto(lost).detail(), "damaged");
  EXPECT_EQ(ToProto(lost).fix(), "Move it.");
}

}  // namespace
}  // namespace iris
