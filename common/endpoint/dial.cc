#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/peer.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/loop/callback_watch.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// A daemon that accepted says hello within one round of its loop; a stopped one never does.
constexpr absl::Duration kHelloWaitMin = absl::Seconds(1);

// One try. FAILURE_UNREACHABLE: worth another.
absl::StatusOr<Dialed> DialOnce(const std::string& path, absl::Time deadline) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(address.sun_path)) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the socket path ", path, " has more than ",
                                    sizeof(address.sun_path) - 1, " bytes"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return SystemFailure(v1::FAILURE_INTERNAL, errno, absl::StrCat("connect to ", path));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    // EAGAIN: the daemon's backlog is full.
    const bool starting_or_leaving = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
    return MakeFailure(starting_or_leaving ? v1::FAILURE_UNREACHABLE : v1::FAILURE_STORAGE,
                       absl::StrCat("connect to ", path, ": ", strerror(errno)));
  }
  if (absl::Status status = CheckServer(fd.get()); !status.ok()) return Annotate(status, path);
  absl::StatusOr<std::string> hello =
      ReadHello(fd.get(), std::max(deadline, absl::Now() + kHelloWaitMin));
  if (!hello.ok()) {
    const bool went = KindOf(hello.status()) != v1::FAILURE_INTERNAL;
    return went ? MakeFailure(v1::FAILURE_UNREACHABLE,
                              absl::StrCat(path, ": ", hello.status().message()))
                : Annotate(hello.status(), path);
  }
  return Dialed{.fd = std::move(fd), .hello = *std::move(hello)};
}

}  // namespace

absl::StatusOr<Dialed> Dial(const std::string& path, absl::Time deadline) {
  constexpr absl::Duration kPauseMax = absl::Milliseconds(100);
  const MayBlock waits("Dial");
  absl::Duration pause = absl::Milliseconds(2);
  while (true) {
    absl::StatusOr<Dialed> dialed = DialOnce(path, deadline);
    if (dialed.ok() || KindOf(dialed.status()) != v1::FAILURE_UNREACHABLE) return dialed;
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return dialed;
    absl::SleepFor(std::min(pause, left));
    pause = std::min(pause * 2, kPauseMax);
  }
}

}  // namespace iris
