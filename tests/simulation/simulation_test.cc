#include <cstdio>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/simulation/runner.h"

namespace iris::simulation {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint64_t kSchedules = 2000;

TEST(SimulationTest, EveryScheduleHolds) {
  const Summary summary = RunSeeds(1, kSchedules, Plant::kNone, 10);
  printf("%llu schedules, %.0f per second; tells: %llu answered, %llu failed as they may\n",
         static_cast<unsigned long long>(summary.schedules), summary.per_second(),
         static_cast<unsigned long long>(summary.ok),
         static_cast<unsigned long long>(summary.failed));
  EXPECT_THAT(summary.bad_seeds, IsEmpty())
      << summary.first_violation << "\n(run `simulation --schedules=1 --seed="
      << (summary.bad_seeds.empty() ? 0 : summary.bad_seeds.front()) << "` to see it)";
  // The faults leave enough to be seen.
  EXPECT_GT(summary.ok, kSchedules);
  EXPECT_GT(summary.failed, kSchedules / 100);
}

TEST(SimulationTest, AnExchangeThatIsCutBehindAnyByteComesToTheSame) {
  const Summary summary = CutEverywhere(1);
  EXPECT_GT(summary.schedules, 1000u);
  EXPECT_EQ(summary.ok, summary.schedules);
  EXPECT_THAT(summary.bad_seeds, IsEmpty()) << summary.first_violation;
}

TEST(SimulationTest, TheSameSeedIsTheSameSchedule) {
  Runner runner;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Plan plan;
    plan.seed = seed;
    EXPECT_EQ(runner.Run(plan).hash, runner.Run(plan).hash) << "seed " << seed;
  }
}

// What is wrong on purpose is found, from the same first seed, and named by it.
TEST(SimulationTest, ATellThatIsSettledTwiceIsFound) {
  const Summary summary = RunSeeds(1, kSchedules, Plant::kForgetSettle, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("was settled, and is open again"))
      << "seed " << summary.bad_seeds.front();
}

TEST(SimulationTest, ATellThatIsRunTwiceIsFound) {
  const Summary summary = RunSeeds(1, kSchedules, Plant::kForgetRepeat, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("again, which it had begun"))
      << "seed " << summary.bad_seeds.front();
}

}  // namespace
}  // namespace iris::simulation
