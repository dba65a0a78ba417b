#ifndef IRIS_COORDINATOR_CONFIG_FILE_WALK_ERRORS_H_
#define IRIS_COORDINATOR_CONFIG_FILE_WALK_ERRORS_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"

namespace iris {

// What is wrong with a file: everything, so that it need not be mended one error a run.
class WalkErrors {
 public:
  // `line`: 0 = not known.
  void Add(int line, absl::Status status, bool is_unset_variable);
  // Further ones are only counted.
  bool full() const { return kept_.size() == kKeptMax; }
  size_t count() const { return count_; }

  // As one failure, in the order of the lines; marked where all are of unset variables. Of one at
  // least.
  absl::Status Together() &&;

 private:
  absl::Status Listed();

  static constexpr size_t kKeptMax = 200;
  static constexpr size_t kShownMax = 30;
  struct Error {
    int line;
    absl::Status status;
  };

  std::vector<Error> kept_;
  size_t count_ = 0;
  size_t unset_variables_ = 0;  // So many of them.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_WALK_ERRORS_H_
