#include "common/endpoint/data_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/small_file.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kNoteBytesMax = 4096;

std::string Hostname() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

}  // namespace

absl::StatusOr<ScopedFd> LockData(const std::string& path) {
  absl::StatusOr<ScopedFd> lock =
      LockEndpoint({.dir = path.substr(0, path.rfind('/')), .socket = "", .lock = path});
  if (lock.ok() || absl::IsAlreadyExists(lock.status())) return lock;
  // NFS without a lock daemon. The endpoint's lock has to do.
  LogWarn("no lock on the data directory: ", lock.status().message());
  return ScopedFd();
}

void NoteSocket(const ScopedFd& lock, const std::string& socket) {
  if (!lock) return;
  const std::string text = absl::StrCat(getpid(), "\n", socket, "\n", Hostname(), "\n");
  (void)!ftruncate(lock.get(), 0);
  (void)!pwrite(lock.get(), text.data(), text.size(), 0);
}

bool DataHolder::is_on_this_host() const { return hostname.empty() || hostname == Hostname(); }

absl::optional<DataHolder> FindDataHolder(const std::string& path) {
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return absl::nullopt;
  if (flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return absl::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(ReadSmallFile(path, kNoteBytesMax), '\n');
  DataHolder holder;
  (void)absl::SimpleAtoi(lines[0], &holder.pid);
  if (lines.size() > 1 && absl::StartsWith(lines[1], "/")) holder.socket = lines[1];
  if (lines.size() > 2) holder.hostname = lines[2];
  return holder;
}

void LeadTo(const std::string& socket, const Endpoint& endpoint) {
  if (socket.empty() || socket == endpoint.socket) return;
  unlink(endpoint.socket.c_str());
  (void)!symlink(socket.c_str(), endpoint.socket.c_str());
}

}  // namespace iris
