#include "tests/simulation/coordinator.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/link/connector.h"
#include "coordinator/transport/agent_transport.h"

namespace iris::simulation {

class Coordinator::Dialer final : public Connector {
 public:
  Dialer(World& world, const Options& options, Life& life)
      : world_(world), options_(options), life_(life) {}

  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>&) override {
    on_progress({.stage = ConnectProgress::Stage::kStarting, .text = "simulated"});
    absl::StatusOr<Dialed> dialed = options_.dial();
    if (!dialed.ok()) return dialed.status();
    const std::shared_ptr<ClientChannel> channel =
        ClientChannel::Make(world_, dialed->wire, options_.taps);
    life_.channels.push_back(channel);
    Connection connection;
    connection.hello = dialed->hello;
    connection.open_channel = [channel](EventLoop& loop, OutstandingCalls&) {
      return channel->Open(loop);
    };
    return connection;
  }

 private:
  World& world_;
  const Options& options_;
  Life& life_;
};

namespace {

// Whoever asks has no variables: what a schedule does must not depend on where it runs.
Team Asked(Team team) {
  team.asker.environment = std::make_shared<const Environment>();
  return team;
}

class AskedTransport final : public AgentTransport {
 public:
  using AgentTransport::AgentTransport;
  void UseAskerOf(const Team& team) override { AgentTransport::UseAskerOf(Asked(team)); }
};

}  // namespace

// As the product's, for the links that there are.
class Coordinator::Factory final : public TransportFactory {
 public:
  Factory(Life& life, CoordinatorIdentity identity) : life_(life), identity_(std::move(identity)) {}
  std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key, const ReadMark& after,
                                  TransportSink& sink) override {
    return std::make_unique<AskedTransport>(*life_.loop, *life_.ways.at(team.name), identity_,
                                            Asked(team), key, after, sink);
  }

 private:
  Life& life_;
  const CoordinatorIdentity identity_;
};

void Coordinator::OpenWay(Life& life, const std::string& team) {
  const HostLinkOptions options{
      .credit = options_.credit, .seed = world_.Below(1 << 30), .threads = false};
  life.ways[team] =
      std::make_unique<HostLink>(*life.loop, life.calls, "simulated",
                                 std::make_unique<Dialer>(world_, options_, life), options);
}

absl::Status Coordinator::Start() {
  const absl::StatusOr<Store*> store = OpenStore();
  if (!store.ok()) return store.status();
  life_ = std::make_unique<Life>();
  Life& life = *life_;
  life.loop = std::make_unique<EventLoop>([this] { return world_.now(); });
  life.store = *store;
  Config config;
  for (const std::string& team : desk_.teams()) {
    config.teams.push_back({.name = team,
                            .path = desk_.team_path(),
                            .claude_path = "/bin/true",
                            .idle_timeout = absl::Hours(1),
                            .session_init_timeout = absl::Seconds(30),
                            .ask_permissions = options_.ask_permissions});
  }
  life.config = std::make_unique<LiveConfig>(
      "/nowhere", [config](const EnvLookup&) -> absl::StatusOr<Config> { return config; });
  for (const std::string& team : desk_.teams()) OpenWay(life, team);
  life.factory = std::make_unique<Factory>(
      life, CoordinatorIdentity{.id = life.store->coordinator_id(), .label = "simulated"});
  life.orchestrator =
      std::make_unique<Orchestrator>(*life.loop, *life.store, *life.config, *life.factory);
  world_.Note("the coordinator is up");
  const absl::Status resumed = life.orchestrator->ResumeOpenTells();
  if (!resumed.ok()) Kill();
  return resumed;
}

void Coordinator::Kill() {
  if (life_ == nullptr) return;
  world_.Note("the coordinator is killed");
  life_->orchestrator.reset();
  life_->factory.reset();
  life_->ways.clear();
  for (const std::weak_ptr<ClientChannel>& channel : life_->channels) {
    if (const std::shared_ptr<ClientChannel> still = channel.lock()) still->Abandon();
  }
  life_->config.reset();
  life_->loop.reset();  // With what was posted and has not run.
  life_.reset();
}

absl::Status Coordinator::Tell(const std::string& tell_id, size_t team, const std::string& text,
                               TellObserver* observer) {
  return life_->orchestrator->Tell(
      {.tell_id = tell_id, .from = Caller::CommandLine(), .to = desk_.teams()[team], .text = text},
      observer);
}

void Coordinator::TakeOver(size_t team) {
  life_->orchestrator->Wake(
      Caller::CommandLine(), desk_.teams()[team], [](const absl::StatusOr<v1::WakeResponse>&) {},
      /*takeover=*/true);
}

void Coordinator::Answer(const std::string& request_id, bool allow, bool take_over) {
  v1::AnswerPermissionRequest request;
  request.set_request_id(request_id);
  request.set_verdict(allow ? v1::AnswerPermissionRequest::ALLOW
                            : v1::AnswerPermissionRequest::DENY);
  const auto take_over_if_denied =
      [this, request_id, take_over](const absl::StatusOr<v1::AnswerPermissionResponse>& answered) {
        const bool is_denied = KindOf(answered.status()) == v1::FAILURE_PERMISSION_DENIED;
        if (is_denied && take_over) TakeOverFor(request_id);
      };
  life_->orchestrator->AnswerPermission(request, take_over_if_denied);
}

void Coordinator::TakeOverFor(const std::string& request_id) {
  v1::AnswerPermissionRequest request;
  request.set_request_id(request_id);
  request.set_verdict(v1::AnswerPermissionRequest::SHOW);
  life_->orchestrator->AnswerPermission(
      request, [this](const absl::StatusOr<v1::AnswerPermissionResponse>& shown) {
        if (!shown.ok()) return;
        const std::vector<std::string>& teams = desk_.teams();
        TakeOver(absl::c_find(teams, shown->permission().to()) - teams.begin());
      });
}

absl::optional<StoredTell> Coordinator::Find(const std::string& tell_id) {
  absl::StatusOr<absl::optional<StoredTell>> found = life_->store->FindTell(tell_id);
  return found.ok() ? *std::move(found) : absl::nullopt;
}

ReadMark Coordinator::Mark(const std::string& session_id) {
  const absl::StatusOr<ReadMark> mark = life_->store->FindMark(session_id);
  return mark.ok() ? *mark : ReadMark();
}

std::vector<std::string> Coordinator::OpenTells() {
  const absl::StatusOr<std::vector<std::string>> ids = life_->store->OpenTells();
  return ids.ok() ? *ids : std::vector<std::string>();
}

bool Coordinator::RunReady() { return life_ != nullptr && life_->loop->RunReady(); }

absl::Duration Coordinator::next() const {
  if (life_ == nullptr) return absl::InfiniteDuration();
  return life_->loop->next_timer().value_or(absl::InfiniteDuration());
}

}  // namespace iris::simulation
