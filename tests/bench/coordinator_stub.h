#ifndef IRIS_TESTS_BENCH_COORDINATOR_STUB_H_
#define IRIS_TESTS_BENCH_COORDINATOR_STUB_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "tests/bench/question.h"

namespace iris::bench {

// To the coordinator that runs in this environment (IRIS_HOME), on a connection of its own.
absl::StatusOr<std::unique_ptr<v1::Coordinator::Stub>> ConnectToCoordinator();

// A whole message, with an id of its own.
v1::TellRequest RequestFor(absl::string_view from, absl::string_view to, absl::string_view text);

// What came of a tell.
class TellReader {
 public:
  void Take(const v1::TellUpdate& update);
  bool settled() const { return settled_; }
  // Internal: it failed, is not over, or is not what was asked for.
  absl::Status Check(const Question& question) const;

 private:
  std::string answer_;
  std::string failure_;
  bool settled_ = false;
};

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_COORDINATOR_STUB_H_
