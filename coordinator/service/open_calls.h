#ifndef IRIS_COORDINATOR_SERVICE_OPEN_CALLS_H_
#define IRIS_COORDINATOR_SERVICE_OPEN_CALLS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {

// How many calls of front ends are open, and that they are not too many. Lives on the coordinator's
// loop.
class OpenCalls {
 public:
  static constexpr size_t kMax = 1024;

  // Somebody asks for something; once a call, also for what is answered at once.
  void Note() { ++begun_; }
  // The call is open from now to End(). FAILURE_BUSY_LIMIT: as many others are; it has to end.
  absl::Status Begin() {
    Note();
    if (++open_ <= kMax) return absl::OkStatus();
    return MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(kMax, " callers wait already"));
  }
  void End() { --open_; }

  size_t open() const { return open_; }
  uint64_t begun() const { return begun_; }  // Since the start.

 private:
  size_t open_ = 0;
  uint64_t begun_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_OPEN_CALLS_H_
