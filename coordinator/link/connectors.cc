#include "coordinator/link/connectors.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/dial_or_start.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/version/version.h"
#include "coordinator/bootstrap/greeting.h"
#include "coordinator/bootstrap/hello.h"
#include "coordinator/bootstrap/poll_until.h"
#include "coordinator/bootstrap/run_program.h"

namespace iris {
namespace {

constexpr absl::Duration kLocalStart = absl::Seconds(10);
constexpr absl::Duration kLocalUpgrade = absl::Seconds(8);

absl::Status OfThisMachine(const absl::Status& why) {
  const Failure failure = ToProto(Annotate(why, "the agent on this machine"));
  const bool is_slow = KindOf(why) == v1::FAILURE_UNREACHABLE && failure.fix().empty();
  return MakeFailure(KindOf(why), failure.detail(),
                     is_slow ? "See whether this machine is overloaded, or its `iris-agent` stopped."
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
      on_progress(
          {.stage = BootstrapProgress::Stage::kStarting, .text = "starting the local agent"});
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

class SshConnector final : public Connector {
 public:
  SshConnector(const AgentBundle& bundle, ResolvedTarget resolved, SshConnectorOptions options)
      : bundle_(bundle), resolved_(std::move(resolved)), options_(std::move(options)) {}

  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>& cancelled) override {
    if (absl::optional<ResolvedTarget> said = options_.answer->Take(); said.has_value()) {
      resolved_ = *std::move(said);
    } else if (absl::Status still = CheckMeaning(cancelled); !still.ok()) {
      return still;
    }
    if (absl::Status barred = options_.bar->Check(); !barred.ok()) return barred;
    if (absl::Status turn = AwaitTurn(on_progress, cancelled); !turn.ok()) return turn;
    bool tried = false;
    absl::StatusOr<Connection> connection =
        ConnectOverSsh(resolved_.target, bundle_,
                       {.runtime_dir = options_.runtime_dir(),
                        .on_progress = on_progress,
                        .cancelled = &cancelled,
                        .session_options = resolved_.session_options,
                        .on_ssh = [&tried] { tried = true; },
                        .greeting = &greeting_});
    if (tried) options_.bar->Note(connection.status());
    return connection;
  }

 private:
  absl::Status AwaitTurn(const OnProgress& on_progress, const std::atomic<bool>& cancelled) {
    const absl::Duration wait = options_.pace->Take();
    if (wait <= absl::ZeroDuration()) return absl::OkStatus();
    on_progress({.stage = BootstrapProgress::Stage::kConnecting,
                 .text = absl::StrCat("connecting to ", resolved_.target.remote.destination, " in ",
                                      absl::FormatDuration(absl::Ceil(wait, absl::Seconds(1))),
                                      ", behind other hosts")});
    return PollUntil({}, absl::Now() + wait, &cancelled).status();
  }

  absl::Status CheckMeaning(const std::atomic<bool>& cancelled) {
    SshTarget target = resolved_.target;
    target.lent_env = options_.lent_env();
    absl::StatusOr<ResolvedTarget> now = options_.resolve(target, &cancelled);
    if (!now.ok()) return now.status();
    if (now->key == resolved_.key) {
      resolved_ = *std::move(now);  // With the newest loan: an older one's asker may be gone.
      return absl::OkStatus();
    }
    options_.on_moved();
    return MakeFailure(
        v1::FAILURE_CANCELLED,
        absl::StrCat("ssh means something else by ", resolved_.target.remote.destination, " now"));
  }

  const AgentBundle& bundle_;
  ResolvedTarget resolved_;  // As it was asked for last.
  const SshConnectorOptions options_;
  Greeting greeting_;  // Of the host, as this link's connections met it.
};

}  // namespace

std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home) {
  return std::make_unique<LocalConnector>(bundle, std::move(iris_home));
}

std::unique_ptr<Connector> MakeSshConnector(const AgentBundle& bundle, ResolvedTarget resolved,
                                            SshConnectorOptions options) {
  return std::make_unique<SshConnector>(bundle, std::move(resolved), std::move(options));
}

}  // namespace iris
