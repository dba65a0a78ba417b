#include "agent/journal/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace iris {

absl::Status WriteAt(const ScopedFd& file, size_t offset, absl::string_view bytes,
                     const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, path);
    if (n == 0) return absl::ErrnoToStatus(ENOSPC, path);
    offset += static_cast<size_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAt(const ScopedFd& file, size_t offset, size_t bytes,
                                   const std::string& path) {
  std::string read(bytes, '\0');
  for (size_t done = 0; done < bytes;) {
    const ssize_t n =
        pread(file.get(), read.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, path);
    if (n == 0) return absl::DataLossError(absl::StrCat(path, " is shorter than it was"));
    done += static_cast<size_t>(n);
  }
  return read;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t bytes_max) {
  // O_NONBLOCK: a FIFO in its place must not stop us.
  const ScopedFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!file) {
    return errno == ELOOP ? absl::DataLossError(absl::StrCat(path, " is a link"))
                          : absl::ErrnoToStatus(errno, path);
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0) return absl::ErrnoToStatus(errno, path);
  if (!S_ISREG(info.st_mode) || static_cast<size_t>(info.st_size) > bytes_max) {
    return absl::DataLossError(absl::StrCat(path, " is no file of ours"));
  }
  return ReadAt(file, 0, static_cast<size_t>(info.st_size), path);
}

absl::Status ReplaceFile(const std::string& path, absl::string_view content) {
  const std::string fresh = absl::StrCat(path, ".new");
  const ScopedFd file(
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return absl::ErrnoToStatus(errno, fresh);
  absl::Status status = WriteAt(file, 0, content, fresh);
  if (status.ok() && fdatasync(file.get()) != 0) status = absl::ErrnoToStatus(errno, fresh);
  if (status.ok() && rename(fresh.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, path);
  }
  if (!status.ok()) unlink(fresh.c_str());
  return status.ok() ? SyncDirectory(path.substr(0, path.rfind('/'))) : status;
}

absl::Status SyncDirectory(const std::string& dir) {
  const ScopedFd fd(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return absl::ErrnoToStatus(errno, dir);
  return absl::OkStatus();
}

std::string Padded(absl::string_view text, size_t bytes) {
  std::string padded(text.substr(0, bytes));
  padded.resize(bytes);
  return padded;
}

std::string Unpadded(absl::string_view bytes) {
  return std::string(bytes.substr(0, bytes.find('\0')));
}

}  // namespace iris
