#ifndef IRIS_COORDINATOR_LINK_RESOLVER_H_
#define IRIS_COORDINATOR_LINK_RESOLVER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/loop/event_loop.h"
#include "coordinator/reach/ssh/resolve_target.h"

namespace iris {

// Asks ssh what targets mean, each on a thread of its own: a `Match exec` that takes its time, or a
// name server, holds up nobody else. Who asks for what is just being asked shares the answer. Keeps
// nothing: what ssh says may differ next time. Lives on the coordinator's loop.
class Resolver {
 public:
  // As ResolveTarget().
  using Resolve = std::function<absl::StatusOr<ResolvedTarget>(const SshTarget& target,
                                                               const std::atomic<bool>* cancelled)>;
  using Then = std::function<void(const absl::StatusOr<ResolvedTarget>&)>;

  Resolver(EventLoop& loop, Resolve resolve) : loop_(loop), resolve_(std::move(resolve)) {}
  ~Resolver();  // Gives up what is under way; its `then`s do not run.

  // `then` runs on the loop, never from inside. Also FAILURE_BUSY_LIMIT: no more threads.
  void Ask(const SshTarget& target, Then then);

 private:
  struct Question {
    std::thread thread;
    std::vector<Then> thens;
  };

  void Answer(const std::string& written, const absl::StatusOr<ResolvedTarget>& answer);

  EventLoop& loop_;
  const Resolve resolve_;
  std::map<std::string, Question> under_way_;  // By WrittenTarget().
  std::atomic<bool> cancelled_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_RESOLVER_H_
