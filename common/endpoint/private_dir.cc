#include "common/endpoint/private_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return MakeFailure(v1::FAILURE_STORAGE, absl::StrCat(path, ": ", why));
}

// `forbidden`: permission bits that the directory must not have.
absl::Status EnsureDir(const std::string& path, mode_t forbidden) {
  if (path.empty() || path[0] != '/') return Refuse(path, "not an absolute path");
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Refuse(path, absl::StrCat("cannot be made: ", strerror(errno)));
  }
  // Looked at through a descriptor, so that what is judged is what is there.
  const ScopedFd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) {
    // With both flags Linux calls a symbolic link ENOTDIR.
    const bool odd = errno == ELOOP || errno == ENOTDIR;
    return Refuse(path, odd ? "not a directory, or a symbolic link" : strerror(errno));
  }
  struct stat info;
  if (fstat(dir.get(), &info) != 0) return Refuse(path, strerror(errno));
  if (info.st_uid != geteuid()) {
    return Refuse(path, absl::StrCat("belongs to uid ", info.st_uid, ", not to us"));
  }
  if ((info.st_mode & forbidden) != 0) {
    return Refuse(path, absl::StrFormat("is open to others (mode %04o)", info.st_mode & 07777));
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
      return Refuse(above, absl::StrCat("cannot be made: ", strerror(errno)));
    }
  }
  return EnsureDir(path, 022);
}

}  // namespace iris
