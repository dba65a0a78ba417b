#include "tests/simulation/runner.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "common/log/log.h"

namespace iris::simulation {
namespace {

void Add(Summary& to, uint64_t name, const Report& report) {
  ++to.schedules;
  to.ok += report.ok;
  to.failed += report.failed;
  if (report.violations.empty()) return;
  to.bad_seeds.push_back(name);
  if (to.first_violation.empty()) {
    to.first_violation = absl::StrCat(name, ": ", report.violations.front());
  }
}

// A summary as text, from a worker to who started it.
std::string Encode(const Summary& summary) {
  return absl::StrCat(summary.schedules, "|", summary.ok, "|", summary.failed, "|",
                      absl::StrJoin(summary.bad_seeds, ","), "|", summary.first_violation);
}

void Add(Summary& to, const std::string& encoded, uint64_t at) {
  const std::vector<std::string> parts = absl::StrSplit(encoded, absl::MaxSplits('|', 4));
  if (parts.size() < 5) {
    to.bad_seeds.push_back(at);
    to.first_violation = absl::StrCat("the program crashes with seed ", at);
    return;
  }
  uint64_t numbers[3] = {};
  for (int i = 0; i < 3; ++i) (void)absl::SimpleAtoi(parts[i], &numbers[i]);
  to.schedules += numbers[0];
  to.ok += numbers[1];
  to.failed += numbers[2];
  for (absl::string_view bad : absl::StrSplit(parts[3], ',', absl::SkipEmpty())) {
    (void)absl::SimpleAtoi(bad, &to.bad_seeds.emplace_back());
  }
  if (to.first_violation.empty()) to.first_violation = parts[4];
}

std::string ReadToEnd(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  return text;
}

// The next number to run; none are left.
using Next = std::function<absl::optional<uint64_t>()>;

// Has the numbers from `first` to before `end` run by `share`, in a process for every core, and
// adds up what they say. Each takes the next one as it comes to it: cores are not equally fast.
Summary OnAllCores(uint64_t first, uint64_t end,
                   const std::function<Summary(const Next& next)>& share) {
  const absl::Time began = absl::Now();
  const uint64_t workers = std::max(1u, std::thread::hardware_concurrency());
  // The next number of all, and then the one that each worker runs, for when it crashes.
  const size_t shared_bytes = (1 + workers) * sizeof(std::atomic<uint64_t>);
  void* const shared =
      mmap(nullptr, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) std::abort();
  auto* const numbers = static_cast<std::atomic<uint64_t>*>(shared);
  numbers[0] = first;
  std::vector<std::pair<pid_t, ScopedFd>> running;
  for (uint64_t worker = 0; worker < workers; ++worker) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid == 0) {
      const std::string said = Encode(share([&]() -> absl::optional<uint64_t> {
        const uint64_t number = numbers[0]++;
        numbers[1 + worker] = number;
        return number < end ? absl::make_optional(number) : absl::nullopt;
      }));
      _exit(write(ends[1], said.data(), said.size()) < 0 ? 1 : 0);
    }
    close(ends[1]);
    running.emplace_back(pid, ScopedFd(ends[0]));
  }
  Summary summary;
  for (uint64_t worker = 0; worker < workers; ++worker) {
    const auto& [pid, said] = running[worker];
    Add(summary, ReadToEnd(said.get()), numbers[1 + worker]);
    waitpid(pid, nullptr, 0);
  }
  munmap(shared, shared_bytes);
  std::sort(summary.bad_seeds.begin(), summary.bad_seeds.end());
  summary.took = absl::Now() - began;
  return summary;
}

}  // namespace

Runner::Runner() {
  std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  path += "/iris-simulation-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) std::abort();
  dir_ = path;
  // Faults are the daily bread here.
  StartLogging(dir_ + "/log", LogLevel::kError);
  std::filesystem::create_directory(dir_ + "/desk");
  desk_ = std::make_unique<Desk>(dir_ + "/desk");
}

Runner::~Runner() {
  desk_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

Report Runner::Run(const Plan& plan) {
  const std::string scratch = absl::StrCat(dir_, "/", runs_++);
  std::filesystem::create_directory(scratch);
  Report report = RunSchedule(plan, *desk_, scratch);
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);
  return report;
}

Summary RunSeeds(uint64_t first, uint64_t count, const Plan& like, size_t bad_max) {
  return OnAllCores(first, first + count, [&](const Next& next) {
    Runner runner;
    Summary summary;
    while (summary.bad_seeds.size() < bad_max) {
      const absl::optional<uint64_t> seed = next();
      if (!seed.has_value()) break;
      Plan plan = like;
      plan.seed = *seed;
      Add(summary, *seed, runner.Run(plan));
    }
    return summary;
  });
}

Summary CutEverywhere(uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  plan.faults = false;
  const Report whole = Runner().Run(plan);
  const uint64_t to_coordinator = whole.bytes_to[Wire::kCoordinator] + 1;
  const uint64_t cuts = to_coordinator + whole.bytes_to[Wire::kAgent] + 1;
  return OnAllCores(0, cuts, [&](const Next& next) {
    Runner runner;
    Summary summary;
    while (const absl::optional<uint64_t> cut = next()) {
      const bool first = *cut < to_coordinator;
      plan.cut = Plan::Cut{.side = first ? Wire::kCoordinator : Wire::kAgent,
                           .bytes = first ? *cut : *cut - to_coordinator};
      Add(summary, *cut, runner.Run(plan));
    }
    return summary;
  });
}

Summary FailEveryWrite(uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  plan.faults = false;
  const uint64_t writes = Runner().Run(plan).writes + 1;
  return OnAllCores(0, 4 * writes, [&](const Next& next) {
    Runner runner;
    Summary summary;
    while (const absl::optional<uint64_t> number = next()) {
      plan.failed_write =
          Plan::FailedWrite{.write = *number / 4,
                            .trouble = *number % 2 == 0 ? FailingDisk::Trouble::kFull
                                                        : FailingDisk::Trouble::kIoError,
                            .kill = *number / 2 % 2 == 1};
      Add(summary, *number, runner.Run(plan));
    }
    return summary;
  });
}

}  // namespace iris::simulation
