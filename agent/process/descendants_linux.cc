#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/process/descendants.h"
#include "common/base/scoped_fd.h"
#include "common/base/small_file.h"
#include "common/environment/environment.h"

namespace iris {
namespace {

// The mark of a daemon is put in front of the rest.
constexpr size_t kEnvironmentBytesRead = 64 << 10;

struct Process {
  pid_t pid;
  bool zombie;
  std::string name;  // Of its program, cut to 15 bytes.
};

// Parent → children of every process.
std::multimap<pid_t, Process> ReadProcessTree() {
  std::multimap<pid_t, Process> children;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return children;
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    const ScopedFd stat(open(absl::StrCat("/proc/", pid, "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    char text[512];
    const ssize_t n = stat ? read(stat.get(), text, sizeof(text) - 1) : -1;
    if (n <= 0) continue;  // It ended meanwhile.
    text[n] = '\0';
    const char* name = strchr(text, '(');
    const char* rest = strrchr(text, ')');  // The command's name may hold anything.
    char state = '\0';
    int parent = 0;
    if (name == nullptr || rest == nullptr) continue;
    if (sscanf(rest + 1, " %c %d", &state, &parent) != 2 || state == 'X') continue;
    children.emplace(parent, Process{pid, state == 'Z', std::string(name + 1, rest)});
  }
  closedir(proc);
  return children;
}

bool IsDaemon(const Process& process) {
  if (process.zombie) return false;
  const std::string environment =
      ReadSmallFile(absl::StrCat("/proc/", process.pid, "/environ"), kEnvironmentBytesRead);
  if (environment.empty()) return absl::StartsWith(process.name, "iris");
  const absl::string_view nul("\0", 1);  // Behind each variable.
  return absl::StrContains(absl::StrCat(nul, environment),
                           absl::StrCat(nul, kDaemonVariable, "=1", nul));
}

}  // namespace

std::vector<pid_t> DescendantsOf(pid_t ancestor) {
  const std::multimap<pid_t, Process> children = ReadProcessTree();
  std::vector<pid_t> found = {ancestor};
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto child = begin; child != end; ++child) {
      const Process& process = child->second;
      if (!process.zombie && !IsDaemon(process)) found.push_back(process.pid);
    }
  }
  found.erase(found.begin());
  return found;
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  const std::multimap<pid_t, Process> children = ReadProcessTree();
  std::vector<pid_t> found;
  const auto [begin, end] = children.equal_range(parent);
  for (auto child = begin; child != end; ++child) {
    if (!IsDaemon(child->second)) found.push_back(child->second.pid);
  }
  return found;
}

}  // namespace iris
