#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ANSWER_ALL_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ANSWER_ALL_H_

#include <functional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace iris {

// Calls everybody who waits, once; whom they add meanwhile stays.
template <typename Response, typename Answer>
void AnswerAll(std::vector<std::function<void(const absl::StatusOr<Response>&)>>& waiting,
               const Answer& answer) {
  const absl::StatusOr<Response> result(answer);
  for (const auto& done : std::exchange(waiting, {})) done(result);
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ANSWER_ALL_H_
