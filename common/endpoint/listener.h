#ifndef IRIS_COMMON_ENDPOINT_LISTENER_H_
#define IRIS_COMMON_ENDPOINT_LISTENER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/loop/event_loop.h"

namespace iris {

// A daemon's own UNIX listener. gRPC's steals a live socket without an error and cannot show who
// connects, so ours accepts, checks, greets, and hands the descriptor over:
//
//   accept → SO_PEERCRED is our uid → write hello → wait for the peer's first byte →
//   on_connection(fd)
//
// A bridge that only holds an ssh session open never sends a byte and costs no gRPC transport.
// Socket mode 0600. Lives on `loop`.
class Listener {
 public:
  // `fd` is non-blocking and close-on-exec, its hello is sent and nothing has been read from it.
  using OnConnection = absl::AnyInvocable<void(ScopedFd fd)>;
  // A socket that listens; -1: not any more. Its descriptor stays the listener's.
  struct Bound {
    int fd = -1;
    uint64_t device = 0;
    uint64_t inode = 0;
  };
  // The framed hello for a new connection.
  using MakeHello = absl::AnyInvocable<std::string()>;

  // Binds endpoint.socket; the caller holds the endpoint's lock, so a socket file that is there is
  // stale and is replaced. At most kWaitingMax connections wait for their first byte; more are
  // closed. FAILURE_STORAGE: cannot bind.
  static absl::StatusOr<std::unique_ptr<Listener>> Start(EventLoop& loop, const Endpoint& endpoint,
                                                         MakeHello make_hello,
                                                         OnConnection on_connection);
  // Goes on with a socket that the program before in this process has bound: `listening`, whose
  // file is known by device and inode. Those that connected meanwhile have waited.
  // FAILURE_INTERNAL: it is no such socket.
  static absl::StatusOr<std::unique_ptr<Listener>> Adopt(EventLoop& loop, const Endpoint& endpoint,
                                                         ScopedFd listening, Bound bound,
                                                         MakeHello make_hello,
                                                         OnConnection on_connection);
  virtual ~Listener() = default;  // Unlinks the socket and closes what waits.

  static constexpr size_t kWaitingMax = 256;

  // Connections greeted that have not sent a byte yet (bridges that hold a port forward's session).
  virtual size_t waiting() const = 0;
  virtual Bound bound() const = 0;
  // Unlinks the socket and refuses new connections; those that wait are closed.
  virtual void StopAccepting() = 0;
};

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_LISTENER_H_
