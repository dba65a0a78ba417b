#include "coordinator/reach/ssh/forward.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/process/run_program.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/shell/hello.h"
#include "coordinator/reach/ssh/ssh_command.h"

namespace iris {
namespace {

constexpr absl::Duration kForwardTimeout = absl::Seconds(3);
constexpr absl::Duration kWaitForWords = absl::Milliseconds(200);
constexpr size_t kReasonBytesMax = 300;
constexpr absl::string_view kRefused = "open failed";

absl::Status NoForward(absl::string_view why) { return MakeFailure(v1::FAILURE_DROPPED, why); }

// The path comes from the host and goes into ssh's -L, where ':' '%' '$' and '[' have meanings.
bool IsPlainSocketPath(absl::string_view path) {
  return absl::StartsWith(path, "/") && path.size() < sizeof(sockaddr_un::sun_path) &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return absl::ascii_isalnum(c) ||
                  absl::string_view("/._+@=,-").find(c) != absl::string_view::npos;
         });
}

// The last line of `text` that holds `words`, fit to be shown; empty if there is none.
std::string LineWith(absl::string_view text, absl::string_view words) {
  std::string found;
  for (absl::string_view line : absl::StrSplit(text, absl::ByAnyChar("\r\n"))) {
    if (absl::StrContains(line, words)) found = PrintableHostText(line, kReasonBytesMax);
  }
  return found;
}

absl::StatusOr<ScopedFd> Connect(const std::string& path) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return NoForward("the socket's path is too long");
  memcpy(address.sun_path, path.data(), path.size());
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd ||
      connect(fd.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0) {
    return NoForward(absl::StrCat("connecting to ssh's socket: ", strerror(errno)));
  }
  return fd;
}

}  // namespace

absl::StatusOr<ScopedFd> OpenForward(const SshTarget& target, const SshSockets& sockets,
                                     const v1::Hello& hello, SshProcess& ssh,
                                     const std::atomic<bool>* cancelled) {
  if (!IsPlainSocketPath(hello.socket_path())) {
    return NoForward(absl::StrCat("the agent's socket cannot be the end of a forward: ",
                                  PrintableHostText(hello.socket_path(), kReasonBytesMax)));
  }
  const absl::Time deadline = absl::Now() + kForwardTimeout;
  const absl::StatusOr<ProgramOutput> asked =
      RunProgram(ForwardArgv(target, sockets.control, sockets.forward, hello.socket_path()),
                 SshEnv(target), deadline, cancelled);
  if (!asked.ok()) return asked.status();
  if (asked->exit_code != 0) {
    return NoForward(
        absl::StrCat("ssh would not forward: ", PrintableHostText(asked->err, kReasonBytesMax)));
  }
  absl::StatusOr<ScopedFd> wire = Connect(sockets.forward);
  if (!wire.ok()) return wire;
  // ssh accepts at once and asks the host only then: a refusal is an end before the hello.
  const absl::StatusOr<v1::Hello> greeting = ReadAgentHello(wire->get(), deadline, cancelled);
  if (!greeting.ok()) {
    if (KindOf(greeting.status()) == v1::FAILURE_CANCELLED) return greeting.status();
    ssh.AwaitInLog(kRefused, absl::Now() + kWaitForWords);
    const std::string line = LineWith(ssh.log(), kRefused);
    return line.empty() ? greeting.status()
                        : NoForward(absl::StrCat("the host would not forward: ", line));
  }
  if (greeting->incarnation() != hello.incarnation()) {
    return NoForward("another agent answers at the agent's socket");
  }
  return wire;
}

}  // namespace iris
