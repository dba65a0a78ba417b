#ifndef IRIS_COORDINATOR_ORCHESTRATOR_PERMISSION_ANSWERS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_PERMISSION_ANSWERS_H_

#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/pool/pooled_session.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What teams ask before they go on, and what people answer: passed to the host, which says whether
// it was the first answer. Lives on the coordinator's loop.
class PermissionAnswers {
 public:
  using Done = std::function<void(const absl::StatusOr<v1::AnswerPermissionResponse>&)>;
  using Sessions = std::function<std::vector<PooledSession*>()>;

  // `loop` outlives this. `sessions`: all that there are now.
  PermissionAnswers(EventLoop& loop, Sessions sessions)
      : loop_(loop), sessions_(std::move(sessions)) {}
  PermissionAnswers(const PermissionAnswers&) = delete;
  PermissionAnswers& operator=(const PermissionAnswers&) = delete;

  // As Orchestrator::AnswerPermission().
  void Answer(const v1::AnswerPermissionRequest& request, Done done);
  // Whoever waits for a host hears `why`.
  void Leave(const absl::Status& why);

 private:
  EventLoop& loop_;
  const Sessions sessions_;
  std::set<std::shared_ptr<Done>> waiting_;  // For hosts that have not answered yet.
  AliveFlag alive_;                          // For hosts' answers.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_PERMISSION_ANSWERS_H_
