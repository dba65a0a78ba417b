#include "agent/session/auth_links.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/fnv.h"
#include "common/base/small_file.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kNameBytes = 16;  // Of a link's name; the whole path must fit into sun_path.
constexpr size_t kPrefixBytes = 8;
constexpr size_t kSocketTableBytesMax = 8 << 20;
constexpr absl::string_view kBeingMade = ".new";

bool IsLinkName(absl::string_view link) {
  return link.size() >= kNameBytes &&
         std::all_of(link.begin(), link.end(), [](char c) { return absl::ascii_isxdigit(c); });
}

std::string TargetOf(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = readlink(path.c_str(), target, sizeof(target));
  return length <= 0 ? "" : std::string(target, static_cast<size_t>(length));
}

}  // namespace

bool AuthLinks::SomebodyListens(const std::string& socket) {
  struct stat info;
  if (stat(socket.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const std::string table = ReadSmallFile("/proc/net/unix", kSocketTableBytesMax);
  if (table.empty()) return true;
  // "ADDRESS: COUNT PROTOCOL FLAGS TYPE STATE INODE PATH"; the flag is the kernel's __SO_ACCEPTCON.
  const std::string end = absl::StrCat(" ", socket);
  for (absl::string_view line : absl::StrSplit(table, '\n')) {
    if (absl::EndsWith(line, end) && absl::StrContains(line, " 00010000 ")) return true;
  }
  return false;
}

AuthLinks::AuthLinks(std::string directory, absl::string_view host, IsAlive is_alive)
    : directory_(std::move(directory)),
      prefix_(absl::StrCat(FnvHex128(host).substr(0, kPrefixBytes), "-")),
      is_alive_(std::move(is_alive)) {
  TakeOver();
}

AuthLinks::~AuthLinks() {
  for (const auto& [path, lent] : lent_) unlink(path.c_str());
}

void AuthLinks::TakeOver() {
  DIR* const listing = opendir(directory_.c_str());
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    if (!absl::StartsWith(entry->d_name, prefix_)) continue;
    const std::string path = absl::StrCat(directory_, "/", entry->d_name);
    if (absl::EndsWith(path, kBeingMade)) {
      unlink(path.c_str());
      continue;
    }
    const std::string target = TargetOf(path);
    lent_[path] = {.sockets = {target}, .points_to = target};
  }
  closedir(listing);
  Look();
}

std::string AuthLinks::PathOf(absl::string_view link) const {
  if (!IsLinkName(link)) return "";
  std::string path = absl::StrCat(directory_, "/", prefix_, link.substr(0, kNameBytes));
  // With a zero at its end.
  return path.size() < sizeof(sockaddr_un::sun_path) ? path : "";
}

void AuthLinks::Lend(absl::string_view link, const std::string& socket) {
  const std::string path = PathOf(link);
  if (path.empty() || !absl::StartsWith(socket, "/")) return;
  Lent& lent = lent_[path];
  std::deque<std::string>& sockets = lent.sockets;
  sockets.erase(std::remove(sockets.begin(), sockets.end(), socket), sockets.end());
  sockets.push_back(socket);
  if (sockets.size() > kSocketsMax) sockets.pop_front();
  Look();
}

void AuthLinks::Look() {
  for (auto entry = lent_.begin(); entry != lent_.end();) {
    auto& [path, lent] = *entry;
    std::deque<std::string>& sockets = lent.sockets;
    sockets.erase(std::remove_if(sockets.begin(), sockets.end(),
                                 [this](const std::string& socket) { return !is_alive_(socket); }),
                  sockets.end());
    if (sockets.empty()) {
      unlink(path.c_str());
      entry = lent_.erase(entry);
      continue;
    }
    if (lent.points_to != sockets.back()) Point(path, lent);
    ++entry;
  }
}

// Whoever looks meanwhile finds the one before or this one.
void AuthLinks::Point(const std::string& path, Lent& lent) {
  const std::string made = absl::StrCat(path, kBeingMade);
  unlink(made.c_str());
  if (MakeDirectory() && symlink(lent.sockets.back().c_str(), made.c_str()) == 0 &&
      rename(made.c_str(), path.c_str()) == 0) {
    lent.points_to = lent.sockets.back();
    return;
  }
  LogWarn("the ssh agent of a connection cannot be shown to its sessions at ", path, ": ",
          strerror(errno));
}

bool AuthLinks::MakeDirectory() const {
  if (mkdir(directory_.c_str(), 0700) == 0) return true;
  if (errno != EEXIST) return false;
  struct stat info;
  if (lstat(directory_.c_str(), &info) != 0) return false;
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
    errno = EPERM;
    return false;
  }
  return (info.st_mode & 0777) == 0700 || chmod(directory_.c_str(), 0700) == 0;
}

}  // namespace iris
