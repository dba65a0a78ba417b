#include "coordinator/reach/shell/hello.h"

#include <poll.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/ids.h"
#include "common/endpoint/endpoint.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/process/poll_until.h"
#include "common/version/version.h"
#include "coordinator/link/host_text.h"

namespace iris {
namespace {

constexpr size_t kNameBytesMax = 256;
constexpr size_t kRefusedBytesMax = 512;
constexpr size_t kPathBytesMax = 4096;
constexpr size_t kSearchPathBytesMax = 32 << 10;

// Whom it would not do to end the agent for.
std::string WhoHoldsIt(const v1::Hello& hello) {
  if (hello.sessions_active() == 0) return "";
  std::string teams;
  for (const std::string& team : hello.active_teams()) {
    absl::StrAppend(&teams, teams.empty() ? "" : ", ", PrintableHostText(team, kNameBytesMax));
    if (teams.size() > kNameBytesMax) break;
  }
  return absl::StrCat("; ", hello.sessions_active(), " sessions are active in it (", teams, ")");
}

void MakePrintable(std::string* text, size_t bytes_max) {
  *text = PrintableHostText(*text, bytes_max);
}

}  // namespace

absl::StatusOr<v1::Hello> ParseAgentHello(const std::string& bytes) {
  v1::Hello hello;
  if (!hello.ParseFromString(bytes) || !IsUuid(hello.incarnation())) {
    return MakeFailure(v1::FAILURE_INTERNAL, "what answered on the host is no agent of Iris");
  }
  for (std::string* name : {hello.mutable_build(), hello.mutable_host_id(), hello.mutable_boot_id(),
                            hello.mutable_pid_namespace(), hello.mutable_locale(),
                            hello.mutable_hostname(), hello.mutable_user()}) {
    MakePrintable(name, kNameBytesMax);
  }
  MakePrintable(hello.mutable_upgrade_refused(), kRefusedBytesMax);
  MakePrintable(hello.mutable_path(), kSearchPathBytesMax);
  MakePrintable(hello.mutable_socket_path(), kPathBytesMax);
  MakePrintable(hello.mutable_data_dir(), kPathBytesMax);
  MakePrintable(hello.mutable_ssh_auth_sock(), kPathBytesMax);
  if (hello.has_environment()) {
    Environment env = EnvironmentFromProto(hello.environment());
    CutEnvironment(env);
    *hello.mutable_environment() = EnvironmentToProto(env);
  }
  const v1::ProtocolRange& range = hello.protocol();
  if (std::max(range.min(), kProtocolMin) > std::min(range.max(), kProtocolMax)) {
    return MakeFailure(
        v1::FAILURE_VERSION,
        absl::StrCat("the agent on the host (build ", hello.build(), ") speaks protocol ",
                     range.min(), " to ", range.max(), ", this coordinator ", kProtocolMin, " to ",
                     kProtocolMax, WhoHoldsIt(hello)),
        "Use a newer Iris here, or end that agent when its sessions are done.");
  }
  return hello;
}

absl::StatusOr<v1::Hello> ReadAgentHello(int fd, absl::Time deadline,
                                         const std::atomic<bool>* cancelled) {
  const absl::StatusOr<std::string> bytes = ReadHello(fd, [&]() -> absl::Status {
    struct pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
    const absl::StatusOr<bool> polled = PollUntil(absl::MakeSpan(&ready, 1), deadline, cancelled);
    if (!polled.ok()) return polled.status();
    return *polled ? absl::OkStatus() : NoHelloInTime();
  });
  if (!bytes.ok()) return bytes.status();
  return ParseAgentHello(*bytes);
}

}  // namespace iris
