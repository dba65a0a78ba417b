#ifndef IRIS_COORDINATOR_LINK_RESOLVER_H_
#define IRIS_COORDINATOR_LINK_RESOLVER_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/target.h"

namespace iris {

// Asks what targets mean, each on a thread of its own: a program of somebody's configuration,
// or a name server, that takes its time holds up nobody else. Who asks for what is just being asked
// shares the answer. Keeps nothing: what is said may differ next time. Lives on the coordinator's
// loop.
class Resolver {
 public:
  using Then = std::function<void(const absl::StatusOr<ResolvedTarget>&)>;

  explicit Resolver(EventLoop& loop) : loop_(loop) {}
  ~Resolver();  // Gives up what is under way; its `then`s do not run.

  // `then` runs on the loop, never from inside. Also FAILURE_BUSY_LIMIT: no more threads.
  void Ask(const TargetPtr& target, Then then);

 private:
  struct Question {
    std::thread thread;
    std::vector<Then> thens;
  };

  void Answer(const std::string& asked, const absl::StatusOr<ResolvedTarget>& answer);

  EventLoop& loop_;
  std::map<std::string, Question> under_way_;  // By Target::question().
  std::atomic<bool> cancelled_ = false;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_RESOLVER_H_
