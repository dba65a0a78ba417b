#ifndef IRIS_TESTS_BENCH_LOAD_H_
#define IRIS_TESTS_BENCH_LOAD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/question.h"

namespace iris::bench {

// Many sessions at once: each gets the question again as soon as it has answered it.
struct LoadPlan {
  Question question;
  int each = 1;       // So often, each.
  int at_once = 100;  // At most so many wait for an answer; a session that waits is one of them.
};

struct LoadResult {
  absl::Duration took;         // From the first question to the last answer.
  std::vector<double> micros;  // Of every answer, in the order of their ends.
};

struct CallerAndTeam {
  std::string from;
  std::string to;
};
// Through Iris, on one connection to the coordinator that runs in this environment; one thread.
absl::StatusOr<LoadResult> LoadSessions(const std::vector<CallerAndTeam>& sessions,
                                        const LoadPlan& plan);

// Without Iris, the floor: claudes in stream-json mode, or what brings one here. All are ready
// before the first is asked; one thread.
absl::StatusOr<LoadResult> LoadClaudes(const std::vector<std::vector<std::string>>& commands,
                                       const LoadPlan& plan);

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_LOAD_H_
