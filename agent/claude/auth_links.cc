#include "agent/claude/auth_links.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/fnv.h"
#include "common/base/scoped_fd.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kNameBytes = 16;  // Of a link's name; the whole path must fit into sun_path.
constexpr size_t kPrefixBytes = 8;
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

// A socket of another type cannot be connected to it: the kernel says so where one is open, and
// whoever listens there does not notice (unix(7), EPROTOTYPE). /proc/net/unix has only names as
// they were bound, and only those of our own network namespace.
bool IsOpenStream(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  memcpy(address.sun_path, path.c_str(), path.size());
  const ScopedFd other(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!other) return true;  // Nobody knows.
  return connect(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
         errno == EPROTOTYPE;
}

// Else another account could listen there as soon as a connection has ended.
bool IsOursAlone(const std::string& socket) {
  char resolved[PATH_MAX];
  if (realpath(socket.c_str(), resolved) == nullptr) return false;
  struct stat info;
  if (lstat(resolved, &info) != 0 || !S_ISSOCK(info.st_mode) || info.st_uid != geteuid()) {
    return false;
  }
  const std::string path = resolved;
  const std::string parent = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  if (lstat(parent.c_str(), &info) != 0) return false;
  return (info.st_uid == geteuid() || info.st_uid == 0) &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

bool AuthLinks::OurAgentListens(const std::string& socket) {
  return IsOursAlone(socket) && IsOpenStream(socket);
}

AuthLinks::AuthLinks(std::string directory, absl::string_view host, IsAlive is_alive,
                     IsOnNetwork is_on_network)
    : directory_(std::move(directory)),
      prefix_(absl::StrCat(FnvHex128(host).substr(0, kPrefixBytes), "-")),
      is_alive_(std::move(is_alive)),
      is_on_network_(std::move(is_on_network)) {
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
    Lent lent;
    lent.sockets.push_back({.path = target, .on_network = OnNetwork(target)});
    lent.points_to = target;
    lent_[path] = std::move(lent);
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

std::string AuthLinks::SocketFor(absl::string_view link, const std::string& own) const {
  std::string path = PathOf(link);
  if (path.empty()) return own;
  const auto lent = lent_.find(path);
  if (lent != lent_.end() && !lent->second.points_to.empty()) return path;
  struct stat info;
  return OnNetwork(own) || lstat(own.c_str(), &info) == 0 ? own : path;
}

bool AuthLinks::OnNetwork(const std::string& path) const {
  return is_on_network_ != nullptr && is_on_network_(path);
}

void AuthLinks::Lend(absl::string_view link, const std::string& socket) {
  const std::string path = PathOf(link);
  if (path.empty() || !absl::StartsWith(socket, "/")) return;
  const auto known = lent_.find(path);
  if (known != lent_.end() && known->second.sockets.back().path == socket) return;
  if (!is_alive_(socket)) return;
  Lent& lent = lent_[path];
  std::deque<Socket>& sockets = lent.sockets;
  sockets.erase(std::remove_if(sockets.begin(), sockets.end(),
                               [&](const Socket& other) { return other.path == socket; }),
                sockets.end());
  sockets.push_back({.path = socket, .on_network = OnNetwork(socket)});
  if (sockets.size() > kSocketsMax) sockets.pop_front();
  Point(path, lent);
}

void AuthLinks::Look() {
  for (auto entry = lent_.begin(); entry != lent_.end();) {
    auto& [path, lent] = *entry;
    std::deque<Socket>& sockets = lent.sockets;
    sockets.erase(std::remove_if(sockets.begin(), sockets.end(),
                                 [this](const Socket& socket) {
                                   return !socket.on_network && !is_alive_(socket.path);
                                 }),
                  sockets.end());
    if (sockets.empty()) {
      unlink(path.c_str());
      entry = lent_.erase(entry);
      continue;
    }
    if (lent.points_to != sockets.back().path) Point(path, lent);
    ++entry;
  }
}

// Whoever looks meanwhile finds the one before or this one.
void AuthLinks::Point(const std::string& path, Lent& lent) {
  const std::string target = lent.sockets.back().path;
  const std::string made = absl::StrCat(path, kBeingMade);
  unlink(made.c_str());
  if (MakeDirectory() && symlink(target.c_str(), made.c_str()) == 0 &&
      rename(made.c_str(), path.c_str()) == 0) {
    lent.points_to = target;
    lent.not_shown.clear();
    return;
  }
  const int why = errno;
  unlink(made.c_str());
  unlink(path.c_str());  // It may lead to one that has ended.
  lent.points_to.clear();
  if (std::exchange(lent.not_shown, target) == target) return;
  LogWarn("the ssh agent of a connection cannot be shown to its sessions at ", path, ": ",
          strerror(why));
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
