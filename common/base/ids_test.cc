#include "common/base/ids.h"

#include <set>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(IdsTest, UuidsAreWellFormedAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = NewUuid();
    EXPECT_TRUE(IsUuid(uuid)) << uuid;
    EXPECT_EQ(uuid[14], '4');
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(IdsTest, AnythingElseIsNotAUuid) {
  EXPECT_FALSE(IsUuid(""));
  EXPECT_FALSE(IsUuid("0f8fad5b-d9cb-469f-a165-70867728950"));   // Short.
  EXPECT_FALSE(IsUuid("0F8FAD5B-D9CB-469F-A165-70867728950E"));  // Upper case.
  EXPECT_FALSE(IsUuid("0f8fad5bxd9cb-469f-a165-70867728950e"));  // No hyphen.
  EXPECT_FALSE(IsUuid("../../etc/passwd-469f-a165-70867728950e"));
}

TEST(IdsTest, FromASeedTheyAreTheSame) {
  std::string first, again;
  // On a thread, so that the other tests have chance.
  std::thread([&] {
    SeedIds(7);
    first = NewUuid();
    SeedIds(7);
    again = NewUuid();
  }).join();
  EXPECT_EQ(first, again);
  EXPECT_TRUE(IsUuid(first));
}

TEST(IdsTest, RandomHexHasTwoDigitsAByte) { EXPECT_EQ(RandomHex(16).size(), 32u); }

}  // namespace
}  // namespace iris
