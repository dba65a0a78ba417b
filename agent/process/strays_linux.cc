#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/process/strays.h"
#include "common/base/small_file.h"

namespace iris {
namespace {

constexpr size_t kEnvironmentBytesMax = 1 << 20;
constexpr int kRoundsMax = 10;

size_t KillOnce(absl::string_view mark) {
  size_t killed = 0;
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return 0;
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = atoi(entry->d_name);
    struct stat info;
    const std::string dir = absl::StrCat("/proc/", entry->d_name);
    if (pid <= 0 || pid == getpid() || stat(dir.c_str(), &info) != 0 || info.st_uid != geteuid()) {
      continue;
    }
    // Between two NULs; the first variable has none before it.
    const std::string environment =
        absl::StrCat(absl::string_view("\0", 1),
                     ReadSmallFile(absl::StrCat(dir, "/environ"), kEnvironmentBytesMax));
    if (absl::StrContains(environment, mark) && kill(pid, SIGKILL) == 0) ++killed;
  }
  closedir(proc);
  return killed;
}

}  // namespace

size_t KillStrays(const std::string& session_id) {
  const std::string mark = absl::StrCat(absl::string_view("\0", 1), kSessionMark, "=", session_id,
                                        absl::string_view("\0", 1));
  size_t killed = 0;
  // Again while it finds some: one may have been started behind its back.
  for (int round = 0; round < kRoundsMax; ++round) {
    const size_t now = KillOnce(mark);
    if (now == 0) break;
    killed = killed > now ? killed : now;
  }
  return killed;
}

}  // namespace iris
