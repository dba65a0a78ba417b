#include "common/endpoint/daemon.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/wait.h"
#include "common/environment/environment.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// The report is one byte, and after kFailed a serialized Failure; the end of the stream ends it.
constexpr char kReadyFdName[] = "IRIS_READY_FD";
constexpr char kReady = 'R';
constexpr char kFailed = 'F';
constexpr int kReadyFd = 3;
constexpr size_t kReportBytesMax = 16 << 10;

// What the daemon wrote until it closed its end.
absl::StatusOr<std::string> ReadReport(int fd, absl::Time deadline) {
  std::string report;
  char buffer[4096];
  while (report.size() < kReportBytesMax) {
    if (!WaitReadable(fd, deadline)) {
      return MakeFailure(v1::FAILURE_TIMEOUT, "it did not say in time that it is ready",
                         "Try again; if it stays so, its log says how far it comes.");
    }
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    report.append(buffer, static_cast<size_t>(n));
  }
  return report;
}

absl::Status OutcomeOf(const std::string& report) {
  if (!report.empty() && report[0] == kReady) return absl::OkStatus();
  Failure failure;
  if (!report.empty() && report[0] == kFailed && failure.ParseFromString(report.substr(1))) {
    return FromProto(failure);
  }
  return MakeFailure(v1::FAILURE_INTERNAL, "it ended before it was ready");
}

// Also where a configuration names it: the daemon is no part of the session it is started from.
bool IsMark(absl::string_view name) {
  return name == "IRIS_SESSION" || name == kReadyFdName || name == kDaemonVariable;
}

bool IsMinimal(absl::string_view name, const std::vector<std::string>& further) {
  if (IsMark(name)) return false;
  for (absl::string_view known : {"HOME", "USER", "LOGNAME", "PATH", "TZ", "LANG",
                                  "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME"}) {
    if (name == known) return true;
  }
  if (absl::StartsWith(name, "LC_")) return true;
  for (const std::string& wanted : further) {
    if (name == absl::string_view(wanted)) return true;
  }
  return false;
}

}  // namespace

absl::Status StartDaemon(const std::vector<std::string>& argv, const std::vector<std::string>& env,
                         absl::Time deadline) {
  const std::string what = absl::StrCat("start ", argv.empty() ? "a daemon" : argv[0]);
  // A socket and not a pipe: the daemon's report must not kill it when we are gone.
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return SystemFailure(v1::FAILURE_INTERNAL, errno, what);
  }
  const ScopedFd reader(ends[0]);
  ScopedFd writer(ends[1]);
  SpawnSpec spec = {.argv = argv, .env = env, .cwd = "/", .fds = {{kReadyFd, writer.get()}}};
  spec.detached = true;
  spec.env.insert(spec.env.begin(), absl::StrCat(kDaemonVariable, "=1"));
  spec.env.push_back(absl::StrCat(kReadyFdName, "=", kReadyFd));
  const absl::StatusOr<pid_t> spawned = Spawn(spec);
  if (!spawned.ok() && IsExhausted(spawned.status())) return Exhausted(spawned.status(), what);
  if (!spawned.ok()) {
    return MakeFailure(v1::FAILURE_NOT_EXECUTABLE,
                       absl::StrCat(what, ": ", spawned.status().message()),
                       "Make it a program that this account may run (chmod +x), on a file system "
                       "that lets programs run.");
  }
  writer.Reset();
  const absl::StatusOr<std::string> report = ReadReport(reader.get(), deadline);
  return Annotate(report.ok() ? OutcomeOf(*report) : report.status(), what);
}

std::vector<std::string> MinimalEnv(const std::vector<std::string>& further) {
  std::vector<std::string> env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view variable = *entry;
    const size_t equals = variable.find('=');
    if (equals == absl::string_view::npos) continue;
    if (IsMinimal(variable.substr(0, equals), further)) env.emplace_back(*entry);
  }
  return env;
}

void ReportReady(const absl::Status& outcome) {
  const char* text = getenv(kReadyFdName);
  int number;
  if (text == nullptr || !absl::SimpleAtoi(text, &number) || number < kReadyFd) return;
  unsetenv(kReadyFdName);
  struct stat info;
  if (fstat(number, &info) != 0 || !S_ISSOCK(info.st_mode)) return;  // Not from StartDaemon().
  const ScopedFd fd(number);
  const bool ready = outcome.ok() || absl::IsAlreadyExists(outcome);
  const std::string report =
      ready ? std::string(1, kReady)
            : absl::StrCat(std::string(1, kFailed), ToProto(outcome).SerializeAsString());
  (void)!send(fd.get(), report.data(), report.size(), MSG_NOSIGNAL);
}

}  // namespace iris
