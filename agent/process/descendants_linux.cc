#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "agent/process/descendants.h"
#include "common/base/scoped_fd.h"

namespace iris {
namespace {

struct Process {
  pid_t pid;
  bool zombie;
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
    const char* rest = strrchr(text, ')');  // The command's name may hold anything.
    char state = '\0';
    int parent = 0;
    if (rest == nullptr || sscanf(rest + 1, " %c %d", &state, &parent) != 2) continue;
    if (state != 'X') children.emplace(parent, Process{pid, state == 'Z'});
  }
  closedir(proc);
  return children;
}

}  // namespace

std::vector<pid_t> DescendantsOf(pid_t ancestor) {
  const std::multimap<pid_t, Process> children = ReadProcessTree();
  std::vector<pid_t> found = {ancestor};
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto child = begin; child != end; ++child) {
      if (!child->second.zombie) found.push_back(child->second.pid);
    }
  }
  found.erase(found.begin());
  return found;
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  const std::multimap<pid_t, Process> children = ReadProcessTree();
  std::vector<pid_t> found;
  const auto [begin, end] = children.equal_range(parent);
  for (auto child = begin; child != end; ++child) found.push_back(child->second.pid);
  return found;
}

}  // namespace iris
