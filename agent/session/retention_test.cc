#include "agent/session/retention.h"

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr absl::Duration kMoment = absl::Seconds(1);

class RetentionTest : public ::testing::Test {
 protected:
  std::string Why(bool clean, bool deserted, absl::Duration unused, size_t open_tells = 2) {
    return Retention::WhyOver({.is_deserted = deserted,
                               .is_clean = clean,
                               .unused = unused,
                               .open_tells = open_tells,
                               .journal_bytes = 7});
  }

  const ScratchDir scratch;
  absl::Time now = absl::Now();
  Retention retention{scratch.path(), [this] { return now; }};
};

TEST_F(RetentionTest, ACleanSessionIsKeptForAMonth) {
  EXPECT_EQ(Why(true, true, Retention::kClean - kMoment), "");
  EXPECT_THAT(Why(true, true, Retention::kClean), HasSubstr("nobody used it"));
}

TEST_F(RetentionTest, NewsThatNobodyFetchesAreKeptLonger) {
  EXPECT_EQ(Why(false, true, Retention::kUnfetched - kMoment), "");
  EXPECT_THAT(Why(false, true, Retention::kUnfetched),
              HasSubstr("7 bytes of news and 2 open messages go with it"));
  EXPECT_THAT(Why(false, true, Retention::kUnfetched, 1), HasSubstr("1 open message goes"));
}

TEST_F(RetentionTest, WhatSomebodyWaitsForStays) {
  EXPECT_EQ(Why(false, false, 10 * Retention::kUnfetched), "");
}

TEST_F(RetentionTest, WhatIsDamagedIsPutAsideAndGoesLater) {
  const std::string id = NewUuid(), other = NewUuid();
  for (const std::string& name : {id, other}) fs::create_directory(retention.DirOf(name));
  retention.PutAside(id, absl::DataLossError("damaged"));
  EXPECT_EQ(retention.damaged(), 1u);
  EXPECT_FALSE(fs::exists(retention.DirOf(id)));
  retention.RemoveDamaged();
  EXPECT_EQ(retention.damaged(), 1u);
  now += Retention::kDamaged + absl::Hours(1);
  retention.RemoveDamaged();
  EXPECT_EQ(retention.damaged(), 0u);
  EXPECT_TRUE(fs::exists(retention.DirOf(other)));
  retention.Remove(other);
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace iris
