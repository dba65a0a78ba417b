#include "agent/app/bridge.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "agent/app/complain.h"
#include "agent/app/offer.h"
#include "agent/app/relay.h"
#include "agent/inventory/host_facts.h"
#include "common/base/utf8.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/dial_or_start.h"
#include "common/endpoint/endpoint.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/log/log.h"
#include "common/process/file_size_limit.h"
#include "common/process/wait_exit.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

constexpr absl::Duration kReachWithin = absl::Seconds(10);
constexpr absl::Duration kLinger = absl::Seconds(5);
constexpr absl::Duration kAgentGoneWithin = absl::Seconds(2);

absl::StatusOr<Dialed> DialAgent(const Options& options) {
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", options.home);
  if (!endpoint.ok()) return endpoint.status();
  std::vector<std::string> serve = {OurProgram(), "serve"};
  for (std::string& argument : ArgumentsFor(options)) serve.push_back(std::move(argument));
  // Without SSH_AUTH_SOCK: what one connection lends is not for the sessions of others.
  return DialOrStart(endpoint->socket, serve, MinimalEnv({}), absl::Now() + kReachWithin);
}

absl::StatusOr<Dialed> Reach(const Options& options) {
  absl::StatusOr<Dialed> agent = DialAgent(options);
  if (!agent.ok() || !IsOlder(*agent, options)) return agent;
  // One that will not or cannot serves as it is, and says so in its next hello.
  (void)OfferThisBuild(*std::move(agent)).ok();
  return DialAgent(options);
}

// It has taken its socket away, and is gone a moment after its connections: whoever waits for our
// end may count on its end.
void WaitForAnAgentThatLeaves(const std::string& hello_bytes) {
  v1::Hello hello;
  if (!hello.ParseFromString(hello_bytes) || hello.pid() <= 0) return;
  if (access(hello.socket_path().c_str(), F_OK) == 0) return;
  WaitForExit(static_cast<pid_t>(hello.pid()), absl::Now() + kAgentGoneWithin);
}

// The agent's hello, with what this connection has: what `ssh HOST claude` would see here.
std::string WithWhatIsHere(const std::string& hello_bytes) {
  v1::Hello hello;
  if (!hello.ParseFromString(hello_bytes)) return hello_bytes;
  *hello.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  const char* socket = getenv("SSH_AUTH_SOCK");
  if (socket != nullptr && IsUtf8(socket)) {
    hello.set_ssh_auth_sock(socket);
  } else if (socket != nullptr) {
    // Not a complaint: whoever reads one takes it for the end of this connection.
    LogWarn("SSH_AUTH_SOCK is not UTF-8: teams on this connection do without the ssh agent");
  }
  return hello.SerializeAsString();
}

// False: nobody reads.
bool WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd waited = {.fd = fd, .events = POLLOUT, .revents = 0};
      if (poll(&waited, 1, static_cast<int>(absl::ToInt64Milliseconds(kReachWithin))) == 0) {
        return false;
      }
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

int RunBridge(const Options& options) {
  signal(SIGPIPE, SIG_IGN);
  SurviveFileSizeLimit();
  const absl::StatusOr<Dialed> dialed = Reach(options);
  if (!dialed.ok()) {
    Complain(dialed.status());
    return 1;
  }
  if (!WriteAll(STDOUT_FILENO, FrameHello(WithWhatIsHere(dialed->hello)))) return 0;
  const RelayEnd end = Relay(STDIN_FILENO, STDOUT_FILENO, dialed->fd.get(), kLinger);
  WaitForAnAgentThatLeaves(dialed->hello);
  return end == RelayEnd::kInputEnded ? 0 : 3;
}

}  // namespace iris
