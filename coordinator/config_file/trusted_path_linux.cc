#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config_file/trusted_path.h"

namespace iris {
namespace {

constexpr int kLinksMax = 40;  // As the kernel.
constexpr size_t kEntryBytesMax = 64 << 10;

struct AccountEntry {
  std::string name;
  gid_t gid = 0;
};

struct GroupEntry {
  std::string name;
  std::vector<std::string> members;
};

absl::optional<AccountEntry> FindAccount(uid_t uid) {
  std::vector<char> buffer(kEntryBytesMax);
  passwd entry, *found = nullptr;
  getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return absl::nullopt;
  return AccountEntry{.name = entry.pw_name, .gid = entry.pw_gid};
}

absl::optional<GroupEntry> FindGroup(gid_t gid) {
  std::vector<char> buffer(kEntryBytesMax);
  group entry, *found = nullptr;
  getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return absl::nullopt;
  GroupEntry read = {.name = entry.gr_name, .members = {}};
  for (char** member = entry.gr_mem; *member != nullptr; ++member) read.members.push_back(*member);
  return read;
}

// What the system's databases say of an account or a group, asked once for each: that may take a
// directory server's time, and a daemon reads its configuration again on its loop. It holds for the
// life of the process, as the process's own groups do. What nothing is known of is asked again.
// Thread-safe.
template <typename Id, typename Entry>
class Remembered {
 public:
  using Find = absl::optional<Entry> (*)(Id);
  explicit Remembered(Find find) : find_(find) {}

  absl::optional<Entry> Of(Id id) {
    {
      absl::MutexLock lock(&mutex_);
      if (const auto known = known_.find(id); known != known_.end()) return known->second;
    }
    absl::optional<Entry> entry = find_(id);
    absl::MutexLock lock(&mutex_);
    if (entry.has_value() && known_.size() < kKnownMax) known_[id] = *entry;
    return entry;
  }

 private:
  static constexpr size_t kKnownMax = 256;

  const Find find_;
  absl::Mutex mutex_;
  std::map<Id, Entry> known_ ABSL_GUARDED_BY(mutex_);
};

absl::optional<AccountEntry> AccountOf(uid_t uid) {
  static auto* const accounts = new Remembered<uid_t, AccountEntry>(FindAccount);
  return accounts->Of(uid);
}

absl::optional<GroupEntry> GroupOf(gid_t gid) {
  static auto* const groups = new Remembered<gid_t, GroupEntry>(FindGroup);
  return groups->Of(gid);
}

// Many systems give each account a group of its own, of its name, and let it write by default.
bool IsPrivateGroup(gid_t gid, uid_t owner) {
  const absl::optional<AccountEntry> account = AccountOf(owner);
  const absl::optional<GroupEntry> group = GroupOf(gid);
  return account.has_value() && group.has_value() && account->name == group->name &&
         account->gid == gid && absl::c_all_of(group->members, [&](const std::string& member) {
           return member == account->name;
         });
}

// Where there is one, the bits of the group are the most that anybody of the list may do.
bool HasAccessList(const std::string& path) {
  return lgetxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

absl::Status CheckEntry(const std::string& path, const struct stat& info) {
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    const absl::optional<AccountEntry> account = AccountOf(info.st_uid);
    const std::string name = account.has_value() ? Shown(account->name) + ", " : "";
    return Refuse(absl::StrCat(Shown(path), " belongs to ", name, "uid ", info.st_uid,
                               ", who may change what Iris runs for you"),
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
