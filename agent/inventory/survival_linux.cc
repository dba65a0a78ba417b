#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/inventory/survival.h"
#include "common/base/small_file.h"

namespace iris {
namespace {

constexpr size_t kFileBytesMax = 64 << 10;
constexpr size_t kDropInsMax = 64;

std::vector<std::string> DropIns(const std::string& dir) {
  std::vector<std::string> paths;
  DIR* const stream = opendir(dir.c_str());
  if (stream == nullptr) return paths;
  while (const dirent* entry = readdir(stream)) {
    if (paths.size() < kDropInsMax && absl::EndsWith(entry->d_name, ".conf")) {
      paths.push_back(absl::StrCat(dir, "/", entry->d_name));
    }
  }
  closedir(stream);
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool IsTrue(absl::string_view value) {
  const std::string lower = absl::AsciiStrToLower(value);
  return lower == "yes" || lower == "true" || lower == "on" || lower == "1";
}

// Distributions build logind with "no" as the default; the last assignment counts.
bool KillsUserProcesses(const std::string& root) {
  std::vector<std::string> paths = {root + "/etc/systemd/logind.conf"};
  for (std::string& path : DropIns(root + "/etc/systemd/logind.conf.d")) paths.push_back(path);
  bool kills = false;
  for (const std::string& path : paths) {
    const std::string text = ReadSmallFile(path, kFileBytesMax);
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      const std::pair<absl::string_view, absl::string_view> setting =
          absl::StrSplit(line, absl::MaxSplits('=', 1));
      if (absl::StripAsciiWhitespace(setting.first) == "KillUserProcesses") {
        kills = IsTrue(absl::StripAsciiWhitespace(setting.second));
      }
    }
  }
  return kills;
}

}  // namespace

bool SurvivesLogout(const std::string& root, const std::string& user) {
  const std::string cgroup = ReadSmallFile(root + "/proc/self/cgroup", kFileBytesMax);
  if (absl::StrContains(cgroup, "/user@")) {
    return access(absl::StrCat(root, "/var/lib/systemd/linger/", user).c_str(), F_OK) == 0;
  }
  if (absl::StrContains(cgroup, "/session-")) return !KillsUserProcesses(root);
  return true;
}

}  // namespace iris
