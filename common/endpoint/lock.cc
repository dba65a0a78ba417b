#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/base/same_file.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/lock_holder.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

absl::Status Trouble(const Endpoint& endpoint, absl::string_view what) {
  return SystemFailure(v1::FAILURE_STORAGE, errno, absl::StrCat(what, " ", endpoint.lock));
}

absl::Status HeldBy(const Endpoint& endpoint, const LockHolder& holder) {
  const std::string by = holder.pid == 0 ? "a process" : absl::StrCat("pid ", holder.pid);
  const std::string where = holder.is_on_this_host() ? "" : absl::StrCat(" of ", holder.hostname);
  return absl::AlreadyExistsError(absl::StrCat(endpoint.lock, " is held by ", by, where));
}

}  // namespace

absl::StatusOr<ScopedFd> LockEndpoint(const Endpoint& endpoint) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    ScopedFd fd(open(endpoint.lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return Trouble(endpoint, "open");
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return HeldBy(endpoint, ReadHolder(fd.get()));
      return Trouble(endpoint, "lock");
    }
    // A lock on a file that was removed or replaced meanwhile (a cleaner of /tmp) excludes nobody.
    if (!IsSameFile(endpoint.lock, fd.get())) continue;
    NoteHolder(fd, /*socket=*/"");
    return fd;
  }
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat(endpoint.lock, " is removed again and again by something"));
}

}  // namespace iris
