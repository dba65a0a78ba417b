#ifndef IRIS_COORDINATOR_LINK_TARGET_H_
#define IRIS_COORDINATOR_LINK_TARGET_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "coordinator/link/connection.h"

namespace iris {

struct ResolvedTarget;

struct ConnectOptions {
  std::function<void(const ConnectProgress&)> on_progress;  // On the calling thread.
  const std::atomic<bool>& cancelled;                       // Looked at at least every 100 ms.
  // From here on the attempt may have cost a login. On the calling thread.
  std::function<void()> on_tried;
};

// A host to reach, as a team's configuration has it and as it is for one who asks: what is known of
// it without asking anybody. Made by the kind of way that leads there (coordinator/reach), which
// alone knows what is in it. Does not change; thread-safe.
class Target {
 public:
  virtual ~Target() = default;

  // What people call its kind of way: the name of a program, "KIND means something else now".
  virtual absl::string_view kind() const = 0;
  // As the configuration says it.
  virtual const RemoteWay& way() const = 0;
  // What goes on while Resolve() takes its time, for people.
  virtual std::string resolving() const = 0;
  // The same for two targets: Resolve() has the same answer for both now. Not for people, and not
  // for a log: it holds values of the environment.
  virtual std::string question() const = 0;

  // The same host for whoever has `env`. Empty: this process's own counts.
  virtual std::shared_ptr<const Target> For(const Environment& env) const = 0;

  // What it means now. Blocks, for some seconds at most; connects to nothing. The failures are
  // typed; RetryMends() goes by their kind.
  virtual absl::StatusOr<ResolvedTarget> Resolve(const std::atomic<bool>& cancelled) const = 0;

  // Connects to the host, puts the agent there if it is missing, starts it if it does not run, and
  // returns the wire. Of a target that Resolve() returned. Blocks; every wait in it has an end. The
  // failures are typed by what the way or the host said, name the destination, and leave no process
  // here. FAILURE_NO_AGENT_POSSIBLE: the host was reached, and no agent can run there.
  virtual absl::StatusOr<Connection> Connect(const ConnectOptions& options) const = 0;
};

using TargetPtr = std::shared_ptr<const Target>;

// What a target meant at one moment.
struct ResolvedTarget {
  TargetPtr target;  // As it was asked for, with the environment of that moment.
  // Equal for two targets only where one connection may serve both. Not for people, and not for a
  // log: it may hold values of the environment.
  std::string key;
  std::string name;  // "user@host:port", for people. Others may have the same.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TARGET_H_
