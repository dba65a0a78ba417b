#include <fcntl.h>

#include <string_view>

#include "agent/process/bare_linux.h"
#include "agent/process/process_tree.h"
#include "common/environment/environment.h"

namespace iris {
namespace {

using bare::Text;

// The mark of a daemon is put in front of the rest.
constexpr size_t kEnvironmentBytesRead = 64 << 10;
constexpr char kMark[] = "IRIS_DAEMON=1";
static_assert(std::string_view(kMark).substr(0, sizeof(kMark) - 3) == kDaemonVariable);

struct Process {
  char state;
  pid_t parent;
  bool is_named_iris;  // Its program's name begins so.
};

// False: there is no such process, or, where `is_whole` becomes false, nobody could look.
bool Look(pid_t pid, Process* process, bool* is_whole = nullptr) {
  const long fd = bare::Open(Text().Add("/proc/").Add(pid).Add("/stat").c_str(), O_RDONLY);
  if (bare::IsExhausted(fd) && is_whole != nullptr) *is_whole = false;
  if (fd < 0) return false;
  char text[512];
  const long n = bare::Read(static_cast<int>(fd), text, sizeof(text));
  bare::Close(static_cast<int>(fd));
  // "PID (NAME) STATE PARENT …", and the name may hold anything.
  long name = 0, end = n;
  while (name < n && text[name] != '(') ++name;
  while (end > name && text[end - 1] != ')') --end;
  if (end == name || end + 3 >= n) return false;
  bool is_named = true;
  for (long i = 0; i < 4; ++i) is_named = is_named && text[name + 1 + i] == "iris"[i];
  bare::Number parent;
  for (long i = end + 3; i < n && parent.Take(text[i]); ++i) {
  }
  *process = {text[end + 1], static_cast<pid_t>(parent.value()), is_named};
  return parent.any();
}

bool Lives(const Process& process) { return process.state != 'Z' && process.state != 'X'; }

bool IsDaemon(pid_t pid, const Process& process) {
  if (!Lives(process)) return false;
  size_t matched = 0;  // Of the mark, by the variable that is being read.
  bool matches = true, has_any = false;
  const bool is_marked = !bare::ForEachByte(Text().Add("/proc/").Add(pid).Add("/environ").c_str(),
                                            kEnvironmentBytesRead, [&](char c) {
                                              has_any = true;
                                              matches = matches && c == kMark[matched];
                                              if (matches && c == '\0') return false;
                                              if (c == '\0') matches = true;
                                              matched = c == '\0' ? 0 : matched + 1;
                                              return true;
                                            });
  return is_marked || (!has_any && process.is_named_iris);
}

bool IsToBeEnded(pid_t pid) {
  Process process;
  return Look(pid, &process) && Lives(process) && !IsDaemon(pid, process);
}

// By what the kernel says. One may be missed where another that has the same parent is reaped
// meanwhile.
template <typename Visit>
void VisitChildren(pid_t parent, Visit visit, bool* is_whole = nullptr) {
  bare::ForEachNumber(
      Text().Add("/proc/").Add(parent).Add("/task").c_str(),
      [&](pid_t task) {
        bare::Number child;
        bare::ForEachByte(
            Text().Add("/proc/").Add(parent).Add("/task/").Add(task).Add("/children").c_str(),
            SIZE_MAX,
            [&](char c) {
              if (child.Take(c)) return true;
              if (child.any()) visit(static_cast<pid_t>(child.value()));
              child = bare::Number();
              return true;
            },
            is_whole);
      },
      is_whole);
}

bool Has(const pid_t* pids, size_t size, pid_t pid) {
  for (size_t i = 0; i < size; ++i) {
    if (pids[i] == pid) return true;
  }
  return false;
}

}  // namespace

bool KernelSaysChildren() {
  const char* const of_this = "/proc/thread-self/children";
  return bare::Call(SYS_faccessat, AT_FDCWD, bare::Address(of_this), R_OK) == 0;
}

size_t FindChildren(pid_t parent, pid_t* found, size_t room, bool ask_kernel, bool* is_whole) {
  size_t size = 0;
  const auto add = [&](pid_t pid) {
    if (size < room) found[size++] = pid;
  };
  if (ask_kernel) {
    VisitChildren(parent, add, is_whole);
    return size;
  }
  bare::ForEachNumber(
      "/proc",
      [&](pid_t pid) {
        Process process;
        if (!Look(pid, &process, is_whole)) return;
        if (process.parent == parent && process.state != 'X') add(pid);
      },
      is_whole);
  return size;
}

size_t FindDescendants(pid_t ancestor, pid_t* found, size_t room, bool ask_kernel) {
  size_t size = 0;
  const auto add = [&](pid_t pid) {
    if (size < room && IsToBeEnded(pid)) found[size++] = pid;
  };
  if (ask_kernel) {
    VisitChildren(ancestor, add);
    for (size_t i = 0; i < size; ++i) VisitChildren(found[i], add);
    return size;
  }
  // One may have a parent with a higher pid, which was not found yet.
  size_t before;
  do {
    before = size;
    bare::ForEachNumber("/proc", [&](pid_t pid) {
      Process process;
      if (!Look(pid, &process) || pid == ancestor || Has(found, size, pid)) return;
      if (process.parent == ancestor || Has(found, size, process.parent)) add(pid);
    });
  } while (size > before);
  return size;
}

bool IsLivingDaemon(pid_t pid) {
  Process process;
  return Look(pid, &process) && IsDaemon(pid, process);
}

}  // namespace iris
