// Runs schedules, or one of them with all that happens in it. See README.md.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/simulation/runner.h"

namespace iris::simulation {
namespace {

constexpr char kUsage[] =
    "usage: simulation [--seed=N] [--schedules=N] [--host-goes-back]\n"
    "                  [--plant=forget_settle|forget_repeat|forget_begun] [--cuts|--writes]\n"
    "  --schedules=1 prints what happens; --cuts cuts one exchange behind every byte; --writes "
    "fails\n"
    "  every write of its store\n";

struct Arguments {
  uint64_t seed = 1;
  uint64_t schedules = 1000;
  Plant plant = Plant::kNone;
  bool host_goes_back = false;
  bool cuts = false;
  bool writes = false;
};

bool Parse(absl::string_view argument, Arguments& to) {
  if (absl::ConsumePrefix(&argument, "--seed=")) return absl::SimpleAtoi(argument, &to.seed);
  if (absl::ConsumePrefix(&argument, "--schedules=")) {
    return absl::SimpleAtoi(argument, &to.schedules);
  }
  to.cuts = to.cuts || argument == "--cuts";
  to.writes = to.writes || argument == "--writes";
  to.host_goes_back = to.host_goes_back || argument == "--host-goes-back";
  if (argument == "--plant=forget_settle") to.plant = Plant::kForgetSettle;
  if (argument == "--plant=forget_repeat") to.plant = Plant::kForgetRepeat;
  if (argument == "--plant=forget_begun") to.plant = Plant::kForgetBegun;
  return argument == "--cuts" || argument == "--writes" || argument == "--host-goes-back" ||
         to.plant != Plant::kNone;
}

int ShowOne(const Arguments& arguments) {
  Runner runner;
  Plan plan;
  plan.seed = arguments.seed;
  plan.plant = arguments.plant;
  plan.host_goes_back = arguments.host_goes_back;
  plan.on_note = [](const std::string& note) { printf("%s\n", note.c_str()); };
  const Report report = runner.Run(plan);
  printf("%d answered, %d failed, %zu violations\n", report.ok, report.failed,
         report.violations.size());
  return report.violations.empty() ? 0 : 1;
}

int Run(const Arguments& arguments) {
  if (arguments.schedules == 1 && !arguments.cuts && !arguments.writes) return ShowOne(arguments);
  const Summary summary = arguments.cuts ? CutEverywhere(arguments.seed)
                          : arguments.writes
                              ? FailEveryWrite(arguments.seed)
                              : RunSeeds(arguments.seed, arguments.schedules, arguments.plant, 20,
                                         arguments.host_goes_back);
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
