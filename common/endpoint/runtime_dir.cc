#include "common/endpoint/runtime_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/fnv.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/base/small_file.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// Leaves room for "/iris/HASH/coordinator.sock" within the 100 bytes that a socket's path may have.
constexpr size_t kRootBytesMax = 60;
constexpr size_t kHomeHexDigits = 16;
constexpr size_t kRandomBytes = 8;
constexpr size_t kNameBytesMax = 64;
constexpr size_t kBootIdBytes = 36;

bool IsOursAlone(const std::string& dir) {
  struct stat info;
  return stat(dir.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
         (info.st_mode & 022) == 0;
}

bool Usable(const std::string& root) {
  return absl::StartsWith(root, "/") && root.size() <= kRootBytesMax && IsOursAlone(root);
}

// Two spellings of one home must meet the same daemon.
std::string Normalized(absl::string_view home) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(home, '/', absl::SkipEmpty())) {
    if (part != ".") parts.push_back(part);
  }
  return absl::StrCat("/", absl::StrJoin(parts, "/"));
}

bool IsStrangers(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0 && info.st_uid != geteuid();
}

// What `file` says, if it can be a name of ours: "iris-UID-HEX".
std::string RecordedName(const std::string& file) {
  const std::string name = ReadSmallFile(file, kNameBytesMax);
  const std::string prefix = absl::StrCat("iris-", geteuid(), "-");
  const absl::string_view hex = absl::StripPrefix(name, prefix);
  const bool is_ours = hex.size() == 2 * kRandomBytes && hex.size() < name.size() &&
                       absl::c_all_of(hex, [](unsigned char c) { return absl::ascii_isxdigit(c); });
  return is_ours ? name : "";
}

// A file that only we know, with `name` in it.
absl::StatusOr<std::string> WriteAside(const std::string& file, const std::string& name) {
  const std::string aside = absl::StrCat(file, ".", RandomHex(kRandomBytes));
  const ScopedFd out(
      open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (out && write(out.get(), name.data(), name.size()) == static_cast<ssize_t>(name.size())) {
    return aside;
  }
  const int error = errno;
  if (out) unlink(aside.c_str());
  return SystemFailure(v1::FAILURE_STORAGE, error, aside);
}

// Has `file` say `name`, without waiting for anybody: this is asked on loops. Of several that
// record at once where nothing is recorded, the first one wins.
absl::Status Record(const std::string& file, const std::string& name, bool replace) {
  const absl::StatusOr<std::string> aside = WriteAside(file, name);
  if (!aside.ok()) return aside.status();
  if (!replace && (link(aside->c_str(), file.c_str()) == 0 || errno == EEXIST)) {
    unlink(aside->c_str());
    return absl::OkStatus();
  }
  // Some file systems have no second names.
  if (rename(aside->c_str(), file.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  unlink(aside->c_str());
  return SystemFailure(v1::FAILURE_STORAGE, error, file);
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// The folder in roots.tmp with a name of its own, made and checked.
absl::StatusOr<std::string> OtherDir(const RuntimeRoots& roots) {
  const std::string folder = roots.other_name.substr(0, roots.other_name.rfind('/'));
  if (absl::Status status = EnsureOwnPath(folder); !status.ok()) return status;
  // Asked before the record is read: what another process records in between is not replaced.
  const bool was_there = Exists(roots.other_name);
  std::string name = RecordedName(roots.other_name);
  if (name.empty() || IsStrangers(absl::StrCat(roots.tmp, "/", name))) {
    // Two that replace one name at once may differ for a moment: then both look again, and find
    // what is recorded by then (see Door).
    const std::string fresh = absl::StrCat("iris-", geteuid(), "-", RandomHex(kRandomBytes));
    const absl::Status recorded = Record(roots.other_name, fresh, /*replace=*/was_there);
    if (!recorded.ok()) return recorded;
    name = RecordedName(roots.other_name);
    if (name.empty()) {
      return MakeFailure(v1::FAILURE_STORAGE,
                         absl::StrCat(roots.other_name, " is changed by something else"));
    }
  }
  std::string dir = absl::StrCat(roots.tmp, "/", name);
  if (absl::Status status = EnsurePrivateDir(dir); !status.ok()) return status;
  return dir;
}

absl::StatusOr<std::string> TmpDir(const RuntimeRoots& roots) {
  std::string usual = absl::StrCat(roots.tmp, "/iris-", geteuid());
  // Once chosen it stays, also where the usual one becomes free below daemons that run.
  const bool has_other = !roots.other_name.empty() && !RecordedName(roots.other_name).empty();
  const absl::Status status = has_other ? absl::OkStatus() : EnsurePrivateDir(usual);
  if (!has_other && status.ok()) return usual;
  if (!has_other && (roots.other_name.empty() || !IsStrangers(usual))) return status;
  absl::StatusOr<std::string> other = OtherDir(roots);
  if (other.ok() || status.ok()) return other;
  // What keeps us from the usual one says more to a person.
  return Annotate(status, absl::StrCat("no runtime directory (", other.status().message(), ")"));
}

absl::StatusOr<std::string> UserDir(const RuntimeRoots& roots) {
  const std::string run_user = absl::StrCat(roots.run_user, "/", geteuid());
  for (const std::string& root : {roots.xdg_runtime_dir, run_user}) {
    if (!Usable(root)) continue;
    std::string dir = absl::StrCat(root, "/iris");
    if (absl::Status status = EnsurePrivateDir(dir); !status.ok()) return status;
    return dir;
  }
  return TmpDir(roots);
}

}  // namespace

RuntimeRoots SystemRuntimeRoots() {
  const char* xdg = getenv("XDG_RUNTIME_DIR");
  RuntimeRoots roots = {
      .xdg_runtime_dir = xdg != nullptr ? xdg : "", .run_user = "/run/user", .tmp = "/tmp"};
  const char* home = getenv("HOME");
  const std::string boot = ReadSmallFile("/proc/sys/kernel/random/boot_id", kBootIdBytes);
  if (home != nullptr && home[0] == '/' && !boot.empty()) {
    roots.other_name = absl::StrCat(home, "/.local/share/iris/tmp-", boot);
  }
  return roots;
}

absl::StatusOr<std::string> FindRuntimeDir(const RuntimeRoots& roots, absl::string_view home) {
  if (!home.empty() && home[0] != '/') {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("home ", home, " is not absolute"));
  }
  absl::StatusOr<std::string> user = UserDir(roots);
  if (!user.ok() || home.empty()) return user;
  std::string dir = *std::move(user);
  absl::StrAppend(&dir, "/", FnvHex128(Normalized(home)).substr(0, kHomeHexDigits));
  if (absl::Status status = EnsurePrivateDir(dir); !status.ok()) return status;
  return dir;
}

}  // namespace iris
