#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/endpoint/peer.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

absl::Status CheckPeer(int fd, bool root_too) {
  ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                       absl::StrCat("the other end cannot be told: ", strerror(errno)));
  }
  if (peer.uid == geteuid() || (root_too && peer.uid == 0)) return absl::OkStatus();
  return MakeFailure(
      v1::FAILURE_PERMISSION_DENIED,
      absl::StrCat("the other end is pid ", peer.pid, " of uid ", peer.uid, ", not of ours"));
}

}  // namespace

absl::Status CheckClient(int fd) { return CheckPeer(fd, false); }
absl::Status CheckServer(int fd) { return CheckPeer(fd, true); }

}  // namespace iris
