#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

absl::Status Trouble(const Endpoint& endpoint, absl::string_view what) {
  return SystemFailure(v1::FAILURE_STORAGE, errno, absl::StrCat(what, " ", endpoint.lock));
}

absl::Status HeldBy(const Endpoint& endpoint, int fd) {
  char text[256];
  const ssize_t n = pread(fd, text, sizeof(text), 0);
  const absl::string_view holder =
      absl::StripAsciiWhitespace(absl::string_view(text, n > 0 ? static_cast<size_t>(n) : 0));
  return absl::AlreadyExistsError(
      absl::StrCat(endpoint.lock, " is held by ", holder.empty() ? "a process" : "pid ", holder));
}

// A lock on a file that was removed or replaced meanwhile (a cleaner of /tmp) excludes nobody.
bool IsStillThere(const std::string& path, int fd) {
  struct stat held, there;
  return fstat(fd, &held) == 0 && stat(path.c_str(), &there) == 0 && held.st_dev == there.st_dev &&
         held.st_ino == there.st_ino;
}

}  // namespace

absl::StatusOr<ScopedFd> LockEndpoint(const Endpoint& endpoint) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    ScopedFd fd(open(endpoint.lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return Trouble(endpoint, "open");
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return HeldBy(endpoint, fd.get());
      return Trouble(endpoint, "lock");
    }
    if (!IsStillThere(endpoint.lock, fd.get())) continue;
    const std::string holder = absl::StrCat(getpid(), "\n");
    // For people only; without room for it the lock holds all the same.
    (void)!ftruncate(fd.get(), 0);
    (void)!pwrite(fd.get(), holder.data(), holder.size(), 0);
    return fd;
  }
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat(endpoint.lock, " is removed again and again by something"));
}

}  // namespace iris
