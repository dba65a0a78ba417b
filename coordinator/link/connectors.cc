#include "coordinator/link/connectors.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/dial_or_start.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/version/version.h"
#include "coordinator/bootstrap/hello.h"
#include "coordinator/bootstrap/run_program.h"

namespace iris {
namespace {

constexpr absl::Duration kLocalStart = absl::Seconds(10);
constexpr absl::Duration kLocalUpgrade = absl::Seconds(8);

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
    if (!dialed.ok()) return Annotate(dialed.status(), "the agent on this machine");

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
  SshConnector(const AgentBundle& bundle, SshTarget target, std::string runtime_dir,
               std::function<std::map<std::string, std::string>()> lent_env)
      : bundle_(bundle),
        target_(std::move(target)),
        runtime_dir_(std::move(runtime_dir)),
        lent_env_(std::move(lent_env)) {}

  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>& cancelled) override {
    target_.lent_env = lent_env_();
    return ConnectOverSsh(
        target_, bundle_,
        {.runtime_dir = runtime_dir_, .on_progress = on_progress, .cancelled = &cancelled});
  }

 private:
  const AgentBundle& bundle_;
  SshTarget target_;
  const std::string runtime_dir_;
  const std::function<std::map<std::string, std::string>()> lent_env_;
};

}  // namespace

std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home) {
  return std::make_unique<LocalConnector>(bundle, std::move(iris_home));
}

std::unique_ptr<Connector> MakeSshConnector(
    const AgentBundle& bundle, SshTarget target, std::string runtime_dir,
    std::function<std::map<std::string, std::string>()> lent_env) {
  return std::make_unique<SshConnector>(bundle, std::move(target), std::move(runtime_dir),
                                        std::move(lent_env));
}

}  // namespace iris
