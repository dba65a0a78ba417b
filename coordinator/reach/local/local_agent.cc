#include "coordinator/reach/local/local_agent.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/dial_or_start.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/process/run_program.h"
#include "common/version/version.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/hello.h"

namespace iris {
namespace {

constexpr absl::Duration kLocalStart = absl::Seconds(10);
constexpr absl::Duration kLocalUpgrade = absl::Seconds(8);

absl::Status OfThisMachine(const absl::Status& why) {
  const Failure failure = ToProto(Annotate(why, "the agent on this machine"));
  const bool is_slow = KindOf(why) == v1::FAILURE_UNREACHABLE && failure.fix().empty();
  return MakeFailure(KindOf(why), failure.detail(),
                     is_slow
                         ? "See whether this machine is overloaded, or its `iris-agent` stopped."
                         : failure.fix());
}

class LocalConnector final : public Connector {
 public:
  LocalConnector(const AgentBundle& bundle, std::string iris_home)
      : bundle_(bundle), iris_home_(std::move(iris_home)) {}

  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>& cancelled) override {
    const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", iris_home_);
    if (!endpoint.ok()) return endpoint.status();
    absl::StatusOr<Dialed> dialed = Dial(endpoint->socket, absl::InfinitePast());
    if (dialed.ok() && IsOlder(dialed->hello)) {
      Upgrade(cancelled);
      dialed = Dial(endpoint->socket, absl::InfinitePast());
    }
    if (!dialed.ok()) {
      on_progress({.stage = ConnectProgress::Stage::kStarting, .text = "starting the local agent"});
      dialed = Start(endpoint->socket);
    }
    if (!dialed.ok()) return OfThisMachine(dialed.status());

    Connection connection;
    connection.wire = std::move(dialed->fd);
    connection.mode = LinkMode::kLocal;
    absl::StatusOr<v1::Hello> hello = ParseAgentHello(dialed->hello);
    if (!hello.ok()) return hello.status();
    connection.hello = *std::move(hello);
    return connection;
  }

 private:
  static bool IsOlder(const std::string& hello_bytes) {
    v1::Hello hello;
    return hello.ParseFromString(hello_bytes) && hello.build_number() < kBuildNumber;
  }

  // The build offers itself, as its bridge does on other hosts. An agent that will not or cannot
  // take it serves as it is.
  void Upgrade(const std::atomic<bool>& cancelled) const {
    const absl::StatusOr<const AgentBuild*> build = bundle_.ForThisMachine();
    if (!build.ok()) return;
    std::vector<std::string> argv = {(*build)->path, "upgrade"};
    if (!iris_home_.empty()) argv.insert(argv.end(), {"--home", iris_home_});
    const absl::StatusOr<ProgramOutput> done =
        RunProgram(argv, MinimalEnv({}), absl::Now() + kLocalUpgrade, &cancelled);
    if (done.ok() && done->exit_code != 0) LogWarn("the local agent stays as it is: ", done->err);
  }

  absl::StatusOr<Dialed> Start(const std::string& socket) const {
    const absl::StatusOr<const AgentBuild*> build = bundle_.ForThisMachine();
    if (!build.ok()) return build.status();
    std::vector<std::string> argv = {(*build)->path, "serve"};
    if (!iris_home_.empty()) {
      argv.insert(argv.end(), {"--home", iris_home_, "--data", absl::StrCat(iris_home_, "/agent")});
    }
    return DialOrStart(socket, argv, MinimalEnv({"SSH_AUTH_SOCK", "CLAUDE_CONFIG_DIR"}),
                       absl::Now() + kLocalStart);
  }

  const AgentBundle& bundle_;
  const std::string iris_home_;
};

}  // namespace

std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home) {
  return std::make_unique<LocalConnector>(bundle, std::move(iris_home));
}

absl::optional<v1::Hello> LocalAgentHello(const std::string& iris_home) {
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", iris_home);
  if (!endpoint.ok()) return absl::nullopt;
  const absl::StatusOr<Dialed> dialed = Dial(endpoint->socket, absl::InfinitePast());
  v1::Hello hello;
  if (!dialed.ok() || !hello.ParseFromString(dialed->hello)) return absl::nullopt;
  return hello;
}

}  // namespace iris
