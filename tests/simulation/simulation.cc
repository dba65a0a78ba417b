// Runs schedules, or one of them with all that happens in it. See README.md.

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/simulation/runner.h"
#include "tests/simulation/schedule.h"

namespace iris::simulation {
namespace {

constexpr char kUsage[] =
    "usage: simulation [--seed=N] [--schedules=N] [--host-goes-back] [--swarm] [--liveness]\n"
    "                  [--takeovers] [--permissions] [--links=N] [--cuts|--writes]\n"
    "                  [--plant=forget_settle|forget_repeat|forget_begun|stays_away|mishear]\n"
    "  --schedules=1 prints what happens; --cuts cuts one exchange behind every byte; --writes "
    "fails\n"
    "  every write of its store\n";

constexpr size_t kLinksMax = 8;

struct Arguments {
  Plan plan;
  uint64_t schedules = 1000;
  bool cuts = false;
  bool writes = false;
};

bool ParsePlant(absl::string_view name, Plant& to) {
  constexpr std::pair<absl::string_view, Plant> kPlants[] = {
      {"forget_settle", Plant::kForgetSettle},
      {"forget_repeat", Plant::kForgetRepeat},
      {"forget_begun", Plant::kForgetBegun},
      {"stays_away", Plant::kStaysAway},
      {"mishear", Plant::kMishear},
  };
  for (const auto& [known, plant] : kPlants) {
    if (name != known) continue;
    to = plant;
    return true;
  }
  return false;
}

bool Parse(absl::string_view argument, Arguments& to) {
  Plan& plan = to.plan;
  if (absl::ConsumePrefix(&argument, "--seed=")) return absl::SimpleAtoi(argument, &plan.seed);
  if (absl::ConsumePrefix(&argument, "--schedules=")) {
    return absl::SimpleAtoi(argument, &to.schedules);
  }
  if (absl::ConsumePrefix(&argument, "--links=")) {
    return absl::SimpleAtoi(argument, &plan.links) && plan.links >= 1 && plan.links <= kLinksMax;
  }
  if (absl::ConsumePrefix(&argument, "--plant=")) return ParsePlant(argument, plan.plant);
  const std::pair<absl::string_view, bool*> switches[] = {
      {"--cuts", &to.cuts},
      {"--writes", &to.writes},
      {"--host-goes-back", &plan.host_goes_back},
      {"--swarm", &plan.swarm},
      {"--liveness", &plan.settles},
      {"--takeovers", &plan.takeovers},
      {"--permissions", &plan.permissions},
  };
  for (const auto& [name, on] : switches) {
    if (argument != name) continue;
    *on = true;
    return true;
  }
  return false;
}

int ShowOne(const Arguments& arguments) {
  Runner runner;
  Plan plan = arguments.plan;
  plan.on_note = [](const std::string& note) { printf("%s\n", note.c_str()); };
  const Report report = runner.Run(plan);
  printf("%d answered, %d failed, %zu violations\n", report.ok, report.failed,
         report.violations.size());
  return report.violations.empty() ? 0 : 1;
}

int Run(const Arguments& arguments) {
  if (arguments.schedules == 1 && !arguments.cuts && !arguments.writes) return ShowOne(arguments);
  const Plan& plan = arguments.plan;
  const Summary summary = arguments.cuts     ? CutEverywhere(plan.seed)
                          : arguments.writes ? FailEveryWrite(plan.seed)
                                             : RunSeeds(plan.seed, arguments.schedules, plan, 20);
  printf("%llu schedules, %.0f per second; tells: %llu answered, %llu failed as they may\n",
         static_cast<unsigned long long>(summary.schedules), summary.per_second(),
         static_cast<unsigned long long>(summary.ok),
         static_cast<unsigned long long>(summary.failed));
  for (const uint64_t seed : summary.bad_seeds) {
    printf("%s %llu does not hold\n",
           arguments.cuts     ? "the cut behind byte"
           : arguments.writes ? "the failing write"
                              : "seed",
           static_cast<unsigned long long>(seed));
  }
  if (!summary.bad_seeds.empty()) printf("the first: %s\n", summary.first_violation.c_str());
  return summary.bad_seeds.empty() ? 0 : 1;
}

}  // namespace
}  // namespace iris::simulation

int main(int argc, char** argv) {
  iris::simulation::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (iris::simulation::Parse(argv[i], arguments)) continue;
    fputs(iris::simulation::kUsage, stderr);
    return 2;
  }
  return iris::simulation::Run(arguments);
}
