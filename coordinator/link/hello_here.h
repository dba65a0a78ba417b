#ifndef IRIS_COORDINATOR_LINK_HELLO_HERE_H_
#define IRIS_COORDINATOR_LINK_HELLO_HERE_H_

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Asks the agent on this machine how it greets, which may take a second, on a thread of its own.
// Whoever asks meanwhile shares the answer. Lives on the coordinator's loop.
class HelloHere {
 public:
  // Nothing: it does not run.
  using Answer = absl::StatusOr<absl::optional<v1::Hello>>;
  using Then = std::function<void(const Answer&)>;

  // `ask` blocks, and starts no agent.
  HelloHere(EventLoop& loop, std::function<absl::optional<v1::Hello>()> ask)
      : loop_(loop), ask_(std::move(ask)) {}
  ~HelloHere();  // Waits for the thread; the `then`s do not run.
  HelloHere(const HelloHere&) = delete;
  HelloHere& operator=(const HelloHere&) = delete;

  // `then` runs on the loop, never from inside. FAILURE_BUSY_LIMIT: no more threads.
  void Ask(Then then);

 private:
  void OnAnswer(const Answer& answer);

  EventLoop& loop_;
  const std::function<absl::optional<v1::Hello>()> ask_;
  std::vector<Then> thens_;  // Empty: nobody asks.
  std::thread thread_;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HELLO_HERE_H_
