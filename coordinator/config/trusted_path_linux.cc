#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/trusted_path.h"

namespace iris {
namespace {

constexpr int kLinksMax = 40;  // As the kernel.
constexpr size_t kEntryBytesMax = 64 << 10;

struct AccountEntry {
  std::string name;  // Empty: nothing names it.
  gid_t gid = 0;
};

AccountEntry AccountOf(uid_t uid) {
  std::vector<char> buffer(kEntryBytesMax);
  passwd entry, *found = nullptr;
  getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? AccountEntry{}
                          : AccountEntry{.name = entry.pw_name, .gid = entry.pw_gid};
}

// Many systems give each account a group of its own, of its name, and let it write by default.
bool IsPrivateGroup(gid_t gid, uid_t owner) {
  const AccountEntry account = AccountOf(owner);
  std::vector<char> buffer(kEntryBytesMax);
  group entry, *found = nullptr;
  getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr || account.name != entry.gr_name || account.gid != gid) return false;
  for (char** member = entry.gr_mem; *member != nullptr; ++member) {
    if (account.name != *member) return false;
  }
  return true;
}

// Where there is one, the bits of the group are the most that anybody of the list may do.
bool HasAccessList(const std::string& path) {
  return lgetxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

absl::Status CheckEntry(const std::string& path, const struct stat& info) {
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    const std::string name = AccountOf(info.st_uid).name;
    return Refuse(absl::StrCat(Shown(path), " belongs to ", name.empty() ? "" : Shown(name) + ", ",
                               "uid ", info.st_uid, ", who may change what Iris runs for you"),
                  absl::StrCat("Use a configuration of your own, or as root: chown ", geteuid(),
                               " ", Shown(path)));
  }
  const bool shared = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  if (S_ISLNK(info.st_mode) || shared) return absl::OkStatus();
  const bool others = (info.st_mode & S_IWOTH) != 0;
  const bool group = (info.st_mode & S_IWGRP) != 0 &&
                     (HasAccessList(path) || !IsPrivateGroup(info.st_gid, info.st_uid));
  if (!others && !group) return absl::OkStatus();
  return Refuse(absl::StrCat(Shown(path), " can be written by ", others ? "everybody" : "its group",
                             ", who may change what Iris runs for you"),
                absl::StrCat("chmod ", others ? "go-w " : "g-w ", Shown(path)));
}

// `path` is below the directory `above`.
bool IsBelow(absl::string_view path, absl::string_view above) {
  return absl::ConsumePrefix(&path, above) && (above == "/" || absl::StartsWith(path, "/"));
}

std::string LinkTarget(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), target, sizeof(target));
  return size > 0 ? std::string(target, static_cast<size_t>(size)) : "";
}

}  // namespace

absl::Status CheckTrustedPath(const std::string& path, const std::string& home) {
  std::deque<std::string> left = absl::StrSplit(path, '/', absl::SkipEmpty());
  left.push_front("");  // The root itself.
  const bool in_home = !home.empty() && IsBelow(path, home);
  std::string at;
  for (int links = 0; !left.empty(); left.pop_front()) {
    const std::string& name = left.front();
    if (name == ".") continue;
    if (name == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    const std::string next = name.empty() ? "/" : absl::StrCat(at, "/", name);
    struct stat info;
    if (lstat(next.c_str(), &info) != 0) return absl::OkStatus();
    if (!in_home || !IsBelow(home, next)) {
      if (absl::Status status = CheckEntry(next, info); !status.ok()) return status;
    }
    if (name.empty()) continue;
    if (!S_ISLNK(info.st_mode)) {
      at = next;
      continue;
    }
    const std::string target = LinkTarget(next);
    if (target.empty() || ++links > kLinksMax) return absl::OkStatus();
    if (absl::StartsWith(target, "/")) at.clear();
    const std::vector<std::string> parts = absl::StrSplit(target, '/', absl::SkipEmpty());
    left.insert(left.begin() + 1, parts.begin(), parts.end());
  }
  return absl::OkStatus();
}

}  // namespace iris
