#include "common/endpoint/private_dir.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "common/base/scoped_fd.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

absl::Status Refuse(const std::string& path, absl::string_view why, absl::string_view fix = "") {
  return MakeFailure(v1::FAILURE_STORAGE, absl::StrCat(path, ": ", why), fix);
}

// "user1 (uid 1005)". Read by hand: getpwuid() in a static program would load libraries of the
// host.
std::string NameOf(uid_t uid) {
  std::string name;
  if (FILE* file = fopen("/etc/passwd", "re"); file != nullptr) {
    while (const passwd* entry = fgetpwent(file)) {
      if (entry->pw_uid == uid) name = absl::StrCat(entry->pw_name, " (uid ", uid, ")");
      if (!name.empty()) break;
    }
    fclose(file);
  }
  return name.empty() ? absl::StrCat("uid ", uid) : name;
}

absl::Status RefuseOwner(const std::string& path, uid_t owner) {
  return Refuse(path, absl::StrCat("belongs to ", NameOf(owner), ", not to us"),
                absl::StrCat("Have it removed by its owner or by root; or set XDG_RUNTIME_DIR, or "
                             "whatever names it, to a directory of your own."));
}

absl::Status RefuseErrno(const std::string& path, absl::string_view what, int error) {
  if (IsExhausted(error)) return Exhausted(error, path);
  const bool full = error == ENOSPC || error == EDQUOT;
  return Refuse(path, absl::StrCat(what, strerror(error)),
                full ? "" : "Make it, as a directory of yours (mode 0700), or free its place.");
}

// `forbidden`: permission bits that the directory must not have.
absl::Status EnsureDir(const std::string& path, mode_t forbidden) {
  if (path.empty() || path[0] != '/') return Refuse(path, "not an absolute path");
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return RefuseErrno(path, "cannot be made: ", errno);
  }
  // Looked at through a descriptor, so that what is judged is what is there.
  const ScopedFd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  if (!dir) {
    const int error = errno;
    // A directory that is closed to us can be no more than named.
    if (lstat(path.c_str(), &info) == 0 && info.st_uid != geteuid()) {
      return RefuseOwner(path, info.st_uid);
    }
    // With both flags Linux calls a symbolic link ENOTDIR.
    const bool odd = error == ELOOP || error == ENOTDIR;
    return odd ? Refuse(path, "not a directory, or a symbolic link", "Put a directory there.")
               : RefuseErrno(path, "", error);
  }
  if (fstat(dir.get(), &info) != 0) return RefuseErrno(path, "", errno);
  if (info.st_uid != geteuid()) return RefuseOwner(path, info.st_uid);
  if ((info.st_mode & forbidden) != 0) {
    return Refuse(path, absl::StrFormat("is open to others (mode %04o)", info.st_mode & 07777),
                  absl::StrCat("chmod ", forbidden == 022 ? "go-w " : "700 ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnsurePrivateDir(const std::string& path) { return EnsureDir(path, 077); }

absl::Status EnsureOwnPath(const std::string& path) {
  const bool is_there = access(path.c_str(), F_OK) == 0;  // As it mostly is.
  for (size_t slash = is_there ? std::string::npos : path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    // Any other error speaks again, and more to the point, at what is below.
    if (mkdir(above.c_str(), 0700) != 0 && errno == ENOSPC) {
      return RefuseErrno(above, "cannot be made: ", errno);
    }
  }
  return EnsureDir(path, 022);
}

}  // namespace iris
