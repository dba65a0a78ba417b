#include "agent/claude/closed_folder.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace iris {
namespace {

constexpr int kLinksMax = 40;  // As many as Linux follows.

// Where the symbolic link `link` leads; "" where it cannot be read.
std::string TargetOf(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), target, sizeof(target));
  if (size <= 0) return "";
  const std::string to(target, static_cast<size_t>(size));
  return absl::StartsWith(to, "/") ? to : absl::StrCat(link.substr(0, link.rfind('/') + 1), to);
}

}  // namespace

std::string ClosedFolder(const std::string& path) {
  std::string way = path;
  int links = 0;
  for (size_t end = 0; end != std::string::npos;) {
    end = way.find('/', end + 1);
    const std::string here = way.substr(0, end);
    struct stat info;
    if (lstat(here.c_str(), &info) != 0) return "";
    if (S_ISLNK(info.st_mode)) {
      const std::string target = TargetOf(here);
      if (target.empty() || ++links > kLinksMax) return "";
      way = absl::StrCat(target, end == std::string::npos ? "" : way.substr(end));
      end = 0;
    } else if (S_ISDIR(info.st_mode) && access(here.c_str(), X_OK) != 0) {
      return errno == EACCES ? here : "";
    }
  }
  return "";
}

}  // namespace iris
