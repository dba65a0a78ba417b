#ifndef IRIS_COMMON_ENDPOINT_ENDPOINT_H_
#define IRIS_COMMON_ENDPOINT_ENDPOINT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"

namespace iris {

// Where a daemon of this user is to be found on this host: one place for ever, whatever its
// version. On a local file system, in a directory of 0700 that we own.
struct Endpoint {
  std::string dir;  // E.g. /run/user/1000/iris or /tmp/iris-1000; with a home, a folder below it.
  std::string socket;  // dir/NAME.sock; < 100 bytes.
  std::string lock;    // dir/NAME.lock
};

// The endpoint of daemon `name` ("agent", "coordinator"). `home` is empty, or the absolute path
// given by IRIS_HOME or agentDir: every home has endpoints of its own.
//
// The directory is $XDG_RUNTIME_DIR/iris; without that variable /run/user/UID/iris where
// /run/user/UID is ours (an ssh session often lacks the variable and must meet the same daemon);
// else /tmp/iris-UID; where somebody else has made that, /tmp/iris-UID-RANDOM (FindRuntimeDir()
// has more). A variable that names a directory that is not ours (su, sudo) or that is too
// long is passed over. A home adds a folder named by its hash. Created as needed. FAILURE_STORAGE:
// the directory is not ours, is open to others or cannot be made. FAILURE_BAD_REQUEST: `home` is
// not absolute.
//
// The place may change while a daemon lives: /run/user/UID comes with the first login and goes with
// the last.
absl::StatusOr<Endpoint> FindEndpoint(absl::string_view name, absl::string_view home);

// The exclusive lock that a daemon holds for life; the kernel releases it when the process is gone.
// AlreadyExists: another process holds it (its pid is in the message when it wrote one).
absl::StatusOr<ScopedFd> LockEndpoint(const Endpoint& endpoint);

// Frames `hello` (a serialized message) for the wire: a big-endian uint32 length, then the bytes.
// At most kHelloBytesMax: a daemon's own is ≤ 64 KiB, a bridge adds the environment that it runs
// in.
inline constexpr size_t kHelloBytesMax = 384 << 10;
std::string FrameHello(absl::string_view hello);

// Reads one framed hello from `fd` exactly, never a byte beyond. Works on blocking and non-blocking
// descriptors. FAILURE_DROPPED: the peer went before the end. FAILURE_TIMEOUT. FAILURE_INTERNAL: a
// length out of bounds.
absl::StatusOr<std::string> ReadHello(int fd, absl::Time deadline);

// The same; `await` is called before each read and returns when there is something to read, or why
// nobody waits any longer (NoHelloInTime(), or another failure), which ReadHello() returns.
using AwaitReadable = std::function<absl::Status()>;
absl::StatusOr<std::string> ReadHello(int fd, const AwaitReadable& await);
absl::Status NoHelloInTime();

// A connection to a daemon whose hello has been read; what follows on `fd` is gRPC. Non-blocking,
// close-on-exec.
struct Dialed {
  ScopedFd fd;
  std::string hello;
};

// Connects to the socket at `path` and reads the hello. Tries again on ENOENT, ECONNREFUSED and an
// end before the hello until `deadline` (a daemon may be starting, or leaving); FAILURE_UNREACHABLE
// then. With a deadline in the past: one try, in which a daemon that accepts still has 1 s for its
// hello. FAILURE_PERMISSION_DENIED: whoever listens there is neither us nor root.
absl::StatusOr<Dialed> Dial(const std::string& path, absl::Time deadline);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_ENDPOINT_H_
