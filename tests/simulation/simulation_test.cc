#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/simulation/runner.h"
#include "tests/simulation/schedule.h"

namespace iris::simulation {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint64_t kSchedules = 2000;

TEST(SimulationTest, EveryScheduleHolds) {
  const Summary summary = RunSeeds(1, kSchedules, {}, 10);
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

TEST(SimulationTest, AHostThatIsPutBackBeginsNothingAgainThatWasSeenToBegin) {
  const Summary summary = RunSeeds(1, kSchedules, {.host_goes_back = true}, 10);
  EXPECT_THAT(summary.bad_seeds, IsEmpty())
      << summary.first_violation << "\n(run `simulation --host-goes-back --schedules=1 --seed="
      << (summary.bad_seeds.empty() ? 0 : summary.bad_seeds.front()) << "` to see it)";
  EXPECT_GT(summary.ok, kSchedules / 2);
  EXPECT_GT(summary.failed, kSchedules / 100);
}

// Each seed has some kinds of fault and not the others; long after them all has come to rest.
class SwarmTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSwarm = 500;

  static void Holds(Plan plan, const std::string& options) {
    plan.swarm = plan.settles = true;
    const Summary summary = RunSeeds(1, kSwarm, plan, 10);
    printf("%llu schedules, %.0f per second; tells: %llu answered, %llu failed as they may\n",
           static_cast<unsigned long long>(summary.schedules), summary.per_second(),
           static_cast<unsigned long long>(summary.ok),
           static_cast<unsigned long long>(summary.failed));
    EXPECT_THAT(summary.bad_seeds, IsEmpty())
        << summary.first_violation << "\n(run `simulation --swarm --liveness" << options
        << " --schedules=1 --seed=" << (summary.bad_seeds.empty() ? 0 : summary.bad_seeds.front())
        << "` to see it)";
    EXPECT_GT(summary.ok, kSwarm / 2);
  }
};

TEST_F(SwarmTest, FaultsOfSomeKindsComeToRest) { Holds({}, ""); }

TEST_F(SwarmTest, TeamsOnLinksOfTheirOwnToOneHostComeToRest) { Holds({.links = 3}, " --links=3"); }

TEST_F(SwarmTest, TakeoversComeToRest) { Holds({.takeovers = true}, " --takeovers"); }

TEST_F(SwarmTest, PermissionsThatWaitComeToRest) { Holds({.permissions = true}, " --permissions"); }

TEST_F(SwarmTest, AllOfThemTogetherComeToRest) {
  Holds({.takeovers = true, .permissions = true, .links = 2},
        " --takeovers --permissions --links=2");
}

// Found among many more than those above. Another plan makes other schedules of them.
TEST(SimulationTest, SeedsThatOnceFailedHold) {
  Runner runner;
  for (const uint64_t seed : {202, 819, 101463, 107524, 110737, 119048, 1017345, 1026489, 5003266,
                              7050081, 7053016, 9013938, 9016830}) {
    Plan plan;
    plan.seed = seed;
    EXPECT_THAT(runner.Run(plan).violations, IsEmpty()) << "seed " << seed;
  }
  for (const uint64_t seed : {9007840, 9009042, 9009941, 9109240, 9109293, 9109683, 12007003}) {
    Plan plan;
    plan.seed = seed;
    plan.host_goes_back = true;
    EXPECT_THAT(runner.Run(plan).violations, IsEmpty()) << "seed " << seed;
  }
}

TEST(SimulationTest, AnExchangeThatIsCutBehindAnyByteComesToTheSame) {
  const Summary summary = CutEverywhere(1);
  EXPECT_GT(summary.schedules, 1000u);
  EXPECT_EQ(summary.ok, summary.schedules);
  EXPECT_THAT(summary.bad_seeds, IsEmpty()) << summary.first_violation;
}

TEST(SimulationTest, EveryWriteOfTheCoordinatorMayFail) {
  const Summary summary = FailEveryWrite(1);
  EXPECT_GT(summary.schedules, 80u);
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

// One line, or one message, that takes minutes over the wire.
class SlowLinkTest : public ::testing::Test {
 protected:
  Report Run(uint64_t kbits, const std::string& text,
             absl::Duration cut_every = absl::InfiniteDuration()) {
    Plan plan;
    plan.faults = false;
    plan.slow = Plan::Slow{.bytes_per_second = kbits * 125, .text = text, .cut_every = cut_every};
    const Report report = Runner().Run(plan);
    EXPECT_THAT(report.violations, IsEmpty());
    EXPECT_EQ(report.ok, 1);
    printf("%s over %zu wires\n", absl::FormatDuration(report.took).c_str(), report.wires);
    return report;
  }
};

constexpr char kEightMegabytes[] = "long answer, bytes: 8000000";
constexpr absl::Duration kAtQuarterMegabit = absl::Seconds(8'000'000 * 8 / 256'000);

TEST_F(SlowLinkTest, ALongLineTakesAsLongAsItsBytes) {
  const Report report = Run(256, kEightMegabytes);
  EXPECT_EQ(report.wires, 1u);
  EXPECT_LE(report.took, 1.15 * kAtQuarterMegabit);
}

TEST_F(SlowLinkTest, ALongLineThatIsCutGoesOnWhereItWasCut) {
  const Report report = Run(256, kEightMegabytes, absl::Seconds(20));
  EXPECT_GE(report.wires, 10u);
  EXPECT_LE(report.took, 1.5 * kAtQuarterMegabit);
}

TEST_F(SlowLinkTest, ALongMessageDoesNotLoseTheLink) {
  constexpr size_t kBytes = 8 << 20;
  const Report report =
      Run(1000, absl::StrCat("long answer, bytes: 5 ", std::string(kBytes - 100, 'x')));
  EXPECT_EQ(report.wires, 1u);
  // There, and back: claude repeats it.
  EXPECT_LE(report.took, 2 * 1.15 * absl::Seconds(kBytes * 8 / 1e6));
}

// What is wrong on purpose is found, from the same first seed, and named by it.
TEST(SimulationTest, ATellThatIsSettledTwiceIsFound) {
  const Summary summary = RunSeeds(1, kSchedules, {.plant = Plant::kForgetSettle}, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("was settled, and is open again"))
      << "seed " << summary.bad_seeds.front();
}

TEST(SimulationTest, ATellThatIsRunTwiceIsFound) {
  const Summary summary = RunSeeds(1, kSchedules, {.plant = Plant::kForgetRepeat}, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("again, which it had begun"))
      << "seed " << summary.bad_seeds.front();
}

TEST(SimulationTest, ATellThatWasSeenToBeginAndRunsAgainIsFound) {
  const Summary summary =
      RunSeeds(1, kSchedules, {.plant = Plant::kForgetBegun, .host_goes_back = true}, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("again, which it had begun"))
      << "seed " << summary.bad_seeds.front();
}

TEST(SimulationTest, AHostThatStaysAwayIsFound) {
  const Summary summary =
      RunSeeds(1, kSchedules, {.plant = Plant::kStaysAway, .swarm = true, .settles = true}, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("is never settled"))
      << "seed " << summary.bad_seeds.front();
}

TEST(SimulationTest, AnAnswerThatIsTurnedRoundIsFound) {
  const Summary summary =
      RunSeeds(1, kSchedules, {.plant = Plant::kMishear, .permissions = true}, 1);
  ASSERT_THAT(summary.bad_seeds, Not(IsEmpty()));
  EXPECT_THAT(summary.first_violation, testing::HasSubstr("the wrong way round"))
      << "seed " << summary.bad_seeds.front();
}

}  // namespace
}  // namespace iris::simulation
