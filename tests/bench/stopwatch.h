#ifndef IRIS_TESTS_BENCH_STOPWATCH_H_
#define IRIS_TESTS_BENCH_STOPWATCH_H_

#include <time.h>

#include <cstdint>

#include "absl/time/time.h"

namespace iris::bench {

// CLOCK_MONOTONIC, which is the same for all processes of this machine.
inline int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// How long it is since it was made.
class Stopwatch {
 public:
  Stopwatch() : begun_ns_(MonotonicNs()) {}
  absl::Duration elapsed() const { return absl::Nanoseconds(MonotonicNs() - begun_ns_); }

 private:
  int64_t begun_ns_;
};

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_STOPWATCH_H_
