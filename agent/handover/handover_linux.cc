#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/handover/handover.h"

namespace iris {
namespace {

// By system call: what an old libc lacks, its kernel may have.
constexpr unsigned kCloseOnExec = 1;  // MFD_CLOEXEC

std::vector<int> OpenDescriptors() {
  std::vector<int> found;
  DIR* const listing = opendir("/proc/self/fd");
  if (listing == nullptr) {
    for (int fd = 3; fd < 65'536; ++fd) {
      if (fcntl(fd, F_GETFD) >= 0) found.push_back(fd);
    }
    return found;
  }
  while (const dirent* entry = readdir(listing)) {
    const int fd = atoi(entry->d_name);
    if (fd > 2 && fd != dirfd(listing)) found.push_back(fd);
  }
  closedir(listing);
  return found;
}

void CloseAllOnExec() {
  for (const int fd : OpenDescriptors()) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace

absl::StatusOr<ScopedFd> WriteHandover(const handover::Agent& state) {
  if (state.ByteSizeLong() > kHandoverBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too much waits: ", state.ByteSizeLong(), " bytes"));
  }
  ScopedFd file(static_cast<int>(syscall(SYS_memfd_create, "iris-handover", kCloseOnExec)));
  if (!file) return absl::ErrnoToStatus(errno, "memfd_create");
  const std::string bytes = state.SerializeAsString();
  absl::string_view left = bytes;
  while (!left.empty()) {
    const ssize_t n = write(file.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "write to a memfd");
    left.remove_prefix(static_cast<size_t>(n));
  }
  return file;
}

absl::StatusOr<handover::Agent> ReadHandover(int fd) {
  const ScopedFd file(fd);
  CloseAllOnExec();
  struct stat info;
  if (fstat(fd, &info) != 0) return absl::DataLossError("no state came with this program");
  if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) > kHandoverBytesMax) {
    return absl::DataLossError("what came with this program is no state");
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return absl::DataLossError("the state cannot be read");
    done += static_cast<size_t>(n);
  }
  handover::Agent state;
  if (!state.ParseFromString(bytes)) return absl::DataLossError("the state is damaged");
  if (state.format() < kHandoverFormatOldest || state.format() > kHandoverFormat) {
    return absl::DataLossError(absl::StrCat("the state has format ", state.format()));
  }
  return state;
}

std::vector<int> DescriptorsIn(const handover::Agent& state) {
  std::vector<int> found = ChildDescriptorsIn(state);
  if (state.data_lock() > 2) found.push_back(state.data_lock());
  for (const handover::Place& place : state.places()) {
    for (const int fd : {place.lock_fd(), place.listening_fd()}) {
      if (fd > 2) found.push_back(fd);
    }
  }
  return found;
}

std::vector<int> ChildDescriptorsIn(const handover::Agent& state) {
  std::vector<int> found;
  for (const handover::Session& session : state.sessions()) {
    if (!session.has_child()) continue;
    const handover::Child& child = session.child();
    for (const int fd :
         {child.stdin_fd(), child.stdout_fd(), child.stderr_fd(), child.report_fd()}) {
      if (fd > 2) found.push_back(fd);
    }
  }
  return found;
}

absl::Status BecomeProgram(const std::string& program, const std::vector<std::string>& args,
                           const std::vector<int>& inherited) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  CloseAllOnExec();
  for (const int fd : inherited) fcntl(fd, F_SETFD, 0);
  execve(program.c_str(), argv.data(), environ);
  const int error = errno;
  for (const int fd : inherited) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return absl::ErrnoToStatus(error, absl::StrCat("exec ", program));
}

void CloseInherited() {
  for (const int fd : OpenDescriptors()) close(fd);
}

}  // namespace iris
