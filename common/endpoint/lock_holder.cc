#include "common/endpoint/lock_holder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/base/hostname.h"
#include "common/base/small_file.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

// A note has five lines, of older builds the first four. What changes in a process's life comes
// late: reading and writing at once may mix two notes, and who it is must be whole. (kPids may
// come out mixed: ReadHolder().)
enum Line {
  kPid,
  kStarted,  // ProcessStartTime()
  kHostname,
  kSocket,
  kPids,
};
constexpr size_t kNoteLines = kSocket + 1;  // At least.
constexpr size_t kNoteBytesMax = 4096;

const std::string& OurPids() {
  static const std::string* const pids = [] {
    char target[256];
    const ssize_t n = readlink("/proc/self/ns/pid", target, sizeof(target));
    const std::string boot = ReadSmallFile("/proc/sys/kernel/random/boot_id", 64);
    const bool known = n > 0 && !boot.empty();
    return new std::string(known ? absl::StrCat(absl::StripAsciiWhitespace(boot), " ",
                                                absl::string_view(target, static_cast<size_t>(n)))
                                 : "");
  }();
  return *pids;
}

std::string ReadNote(int fd) {
  std::string text(kNoteBytesMax, '\0');
  ssize_t n;
  do {
    n = pread(fd, text.data(), text.size(), 0);
  } while (n < 0 && errno == EINTR);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

}  // namespace

bool LockHolder::is_on_this_host() const {
  if (!pids.empty() && !OurPids().empty()) return pids == OurPids();
  return hostname.empty() || hostname == Hostname();
}

void NoteHolder(const ScopedFd& lock, const std::string& socket) {
  std::string text = absl::StrCat(getpid(), "\n", ProcessStartTime(getpid()), "\n", Hostname(),
                                  "\n", socket, "\n", OurPids(), "\n");
  // All at once over the note before, and blank lines over the rest of it: were the file cut first,
  // a reader might find it empty.
  struct stat before = {};
  (void)!fstat(lock.get(), &before);
  const size_t size = text.size();
  text.resize(std::max(size, std::min<size_t>(before.st_size, kNoteBytesMax)), '\n');
  if (pwrite(lock.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) {
    (void)!ftruncate(lock.get(), static_cast<off_t>(size));
  }
}

LockHolder ReadHolder(int fd) {
  const std::vector<std::string> lines = absl::StrSplit(ReadNote(fd), '\n');
  LockHolder holder;
  if (lines.size() < kNoteLines) return holder;
  (void)absl::SimpleAtoi(lines[kPid], &holder.pid);
  if (absl::StartsWith(lines[kSocket], "/")) holder.socket = lines[kSocket];
  holder.hostname = lines[kHostname];
  if (lines.size() > kPids) holder.pids = lines[kPids];
  uint64_t started = 0;
  const bool runs = holder.pid > 0 && absl::SimpleAtoi(lines[kStarted], &started) && started != 0 &&
                    ProcessStartTime(holder.pid) == started;
  // They may not be whole, read while another socket is noted; that it runs here says the same.
  if (runs && holder.hostname == Hostname()) holder.pids = OurPids();
  return runs || !holder.is_on_this_host() ? holder : LockHolder();
}

}  // namespace iris
