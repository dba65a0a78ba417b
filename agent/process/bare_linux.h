#ifndef IRIS_AGENT_PROCESS_BARE_LINUX_H_
#define IRIS_AGENT_PROCESS_BARE_LINUX_H_

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

// What a program can do before its C library is set up: system calls, and text in fixed room. What
// is built on this alone runs as a keeper does (keeper_start_linux.cc): there is no memory to be
// had, no errno, no thread, no stack protector, and no function of any library, not even memcpy().
// tests/bare_test.sh looks at what it is linked with.

namespace iris::bare {

// -errno where it fails.
inline long Call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#ifdef __x86_64__
  long result;
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                   : "rcx", "r11", "memory");
  return result;
#else
  // Where keepers start behind the C library.
  const long result = syscall(number, a, b, c, d, e);
  return result == -1 ? -errno : result;
#endif
}

inline long Address(const void* of) { return reinterpret_cast<long>(of); }

inline long Open(const char* path, int flags) {
  return Call(SYS_openat, AT_FDCWD, Address(path), flags | O_CLOEXEC);
}
// May give less than `bytes`; 0: the end.
inline long Read(int fd, void* into, size_t bytes) {
  return Call(SYS_read, fd, Address(into), static_cast<long>(bytes));
}
inline long Write(int fd, const void* from, size_t bytes) {
  return Call(SYS_write, fd, Address(from), static_cast<long>(bytes));
}
inline void Close(int fd) { Call(SYS_close, fd); }
inline pid_t OwnPid() { return static_cast<pid_t>(Call(SYS_getpid)); }
[[noreturn]] inline void Exit(int code) {
  while (true) Call(SYS_exit_group, code);
}
inline void Kill(pid_t pid, int number) { Call(SYS_kill, pid, number); }

// Signals as the kernel takes them; its number is one more than that of its bit.
using Signals = uint64_t;
inline constexpr Signals Bit(int number) { return Signals{1} << (number - 1); }

// From now on those wait until NextSignal() takes them, and no others.
inline void Hold(Signals signals) {
  Call(SYS_rt_sigprocmask, SIG_SETMASK, Address(&signals), 0, sizeof(signals));
}
// The next one of those, which are held, within `timeout_ms` (-1: however long it takes); 0: none.
inline int NextSignal(Signals of, int timeout_ms) {
  const timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1'000'000L};
  const long number = Call(SYS_rt_sigtimedwait, Address(&of), 0,
                           timeout_ms < 0 ? 0 : Address(&timeout), sizeof(of));
  return number > 0 ? static_cast<int>(number) : 0;
}

inline int64_t NowMs() {
  timespec now;
  Call(SYS_clock_gettime, CLOCK_MONOTONIC, Address(&now));
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// A path or a line. What has no room is left out.
class Text {
 public:
  Text& Add(const char* text) {
    while (*text != '\0' && size_ + 1 < kRoom) at_[size_++] = *text++;
    at_[size_] = '\0';
    return *this;
  }
  Text& Add(long number) {
    char digits[24];
    size_t first = sizeof(digits);
    digits[--first] = '\0';
    const bool is_negative = number < 0;
    do {
      const long digit = number % 10;
      digits[--first] = static_cast<char>('0' + (digit < 0 ? -digit : digit));
      number /= 10;
    } while (number != 0);
    if (is_negative) digits[--first] = '-';
    return Add(digits + first);
  }
  const char* c_str() const { return at_; }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kRoom = 80;
  size_t size_ = 0;
  char at_[kRoom];
};

// A number from digits that come one by one.
class Number {
 public:
  // False: that is no digit, and changes nothing.
  bool Take(char c) {
    if (c < '0' || c > '9') return false;
    value_ = value_ * 10 + (c - '0');
    any_ = true;
    return true;
  }
  bool any() const { return any_; }
  long value() const { return value_; }

 private:
  long value_ = 0;
  bool any_ = false;
};

// It failed for want of descriptors or memory: what was to be opened may well be there.
inline bool IsExhausted(long result) {
  return result == -EMFILE || result == -ENFILE || result == -ENOMEM;
}

// What `path` holds, byte by byte. False: `take` has said that it is enough. `is_whole` becomes
// false where nobody could look.
template <typename Take>
bool ForEachByte(const char* path, size_t bytes_max, Take take, bool* is_whole = nullptr) {
  const long fd = Open(path, O_RDONLY);
  if (IsExhausted(fd) && is_whole != nullptr) *is_whole = false;
  if (fd < 0) return true;
  char buffer[512];
  bool goes_on = true;
  for (size_t done = 0; goes_on && done < bytes_max;) {
    const long n = Read(static_cast<int>(fd), buffer, sizeof(buffer));
    if (n == -EINTR) continue;
    if (n <= 0) break;
    for (long i = 0; i < n && goes_on; ++i) goes_on = take(buffer[i]);
    done += static_cast<size_t>(n);
  }
  Close(static_cast<int>(fd));
  return goes_on;
}

// The entries of the directory `path` whose names are numbers: processes, tasks. `is_whole` as
// above.
template <typename Visit>
void ForEachNumber(const char* path, Visit visit, bool* is_whole = nullptr) {
  const long fd = Open(path, O_RDONLY | O_DIRECTORY);
  if (IsExhausted(fd) && is_whole != nullptr) *is_whole = false;
  if (fd < 0) return;
  alignas(dirent64) char buffer[2048];
  while (true) {
    const long n = Call(SYS_getdents64, fd, Address(buffer), sizeof(buffer));
    if (n <= 0) break;
    for (long at = 0; at < n;) {
      const dirent64* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      Number number;
      const char* c = entry->d_name;
      while (number.Take(*c)) ++c;
      if (number.any() && *c == '\0') visit(static_cast<pid_t>(number.value()));
    }
  }
  Close(static_cast<int>(fd));
}

}  // namespace iris::bare

#endif  // IRIS_AGENT_PROCESS_BARE_LINUX_H_
