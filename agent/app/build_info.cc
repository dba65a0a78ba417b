#include "agent/app/build_info.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/handover/handover.h"
#include "agent/process/own_children.h"
#include "common/base/scoped_fd.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/process/wait_exit.h"
#include "common/version/version.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr size_t kLineBytesMax = 1024;
constexpr size_t kPathBytesMax = 4096;

std::string Octal(mode_t mode) {
  char text[8];
  snprintf(text, sizeof(text), "%04o", mode & 07777);
  return text;
}

absl::Status CheckOwner(const std::string& path, mode_t kind) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return MakeFailure(v1::FAILURE_NOT_EXECUTABLE, absl::StrCat(path, ": ", strerror(errno)));
  }
  if ((info.st_mode & S_IFMT) != kind) {
    return MakeFailure(v1::FAILURE_NOT_EXECUTABLE, absl::StrCat(path, " is no program"));
  }
  const bool sticky = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  if ((info.st_uid == geteuid() || info.st_uid == 0) && ((info.st_mode & 022) == 0 || sticky)) {
    return absl::OkStatus();
  }
  return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                     absl::StrCat(path, " belongs to uid ", info.st_uid, " with mode ",
                                  Octal(info.st_mode), ": others could change it"),
                     "Install the agent where only this account can write.");
}

absl::Status CheckFile(const std::string& program) {
  if (!absl::StartsWith(program, "/") || program.size() > kPathBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "the new build's path is not absolute");
  }
  if (absl::Status status = CheckOwner(program, S_IFREG); !status.ok()) return status;
  const std::string dir = program.substr(0, program.rfind('/'));
  return CheckOwner(dir.empty() ? "/" : dir, S_IFDIR);
}

// What it prints until it closes its end; cut at kLineBytesMax.
absl::StatusOr<std::string> ReadAll(int fd, absl::Time deadline) {
  std::string text;
  while (text.size() < kLineBytesMax) {
    pollfd waited = {.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int ready = poll(&waited, 1, static_cast<int>(std::max<int64_t>(0, left)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return absl::DeadlineExceededError("it says nothing");
    char buffer[256];
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n <= 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

}  // namespace

std::string VersionLine(uint32_t build_number) {
  return absl::StrCat("iris-agent ", kVersion, " build ", build_number, " handover ",
                      kHandoverFormatOldest, "-", kHandoverFormat);
}

absl::StatusOr<BuildInfo> ParseVersionLine(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line.substr(0, line.find('\n')), ' ');
  BuildInfo info;
  if (words.size() >= 6 && words[0] == "iris-agent" && words[2] == "build" &&
      words[4] == "handover") {
    const std::vector<absl::string_view> formats = absl::StrSplit(words[5], '-');
    info.version = std::string(words[1]);
    if (absl::SimpleAtoi(words[3], &info.number) && formats.size() == 2 &&
        absl::SimpleAtoi(formats[0], &info.handover_min) &&
        absl::SimpleAtoi(formats[1], &info.handover_max)) {
      return info;
    }
  }
  return MakeFailure(v1::FAILURE_VERSION, "it does not say which build of iris-agent it is");
}

absl::StatusOr<BuildInfo> CheckBuild(const std::string& program, absl::Time deadline) {
  if (absl::Status status = CheckFile(program); !status.ok()) return status;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemFailure(v1::FAILURE_INTERNAL, errno, program);
  const ScopedFd reader(ends[0]);
  ScopedFd writer(ends[1]);
  const auto not_executable = [&program](absl::string_view why) {
    return MakeFailure(v1::FAILURE_NOT_EXECUTABLE, absl::StrCat(program, " version: ", why));
  };
  const absl::StatusOr<pid_t> pid = OwnChildren::Get().Start({.argv = {program, "version"},
                                                              .env = {},
                                                              .cwd = "/",
                                                              .fds = {{1, writer.get()}},
                                                              .new_session = true});
  if (!pid.ok() && IsExhausted(pid.status())) return Exhausted(pid.status(), program);
  if (!pid.ok()) return not_executable(pid.status().message());
  writer.Reset();
  const absl::StatusOr<std::string> said = ReadAll(reader.get(), deadline);
  if (!said.ok() || !WaitForExit(*pid, deadline)) kill(*pid, SIGKILL);
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  OwnChildren::Get().Forget(*pid);
  if (!said.ok()) return not_executable(said.status().message());
  if (WIFSIGNALED(status)) return not_executable(absl::StrCat("signal ", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) {
    return not_executable(absl::StrCat("exit code ", WEXITSTATUS(status)));
  }
  absl::StatusOr<BuildInfo> info = ParseVersionLine(*said);
  if (!info.ok()) return Annotate(info.status(), program);
  return info;
}

}  // namespace iris
