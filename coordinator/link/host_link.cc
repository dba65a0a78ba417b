#include "coordinator/link/host_link.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/link/retry.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/support/channel_arguments.h"

namespace iris {
namespace {

constexpr absl::Duration kRetryAfter = absl::Milliseconds(500);

absl::string_view ModeName(LinkMode mode) {
  switch (mode) {
    case LinkMode::kLocal:
      return "local";
    case LinkMode::kForward:
      return "forward";
    case LinkMode::kStdio:
      return "stdio";
  }
  return "?";
}

}  // namespace

HostLink::HostLink(EventLoop& loop, OutstandingCalls& calls, std::string name,
                   std::unique_ptr<Connector> connector)
    : loop_(loop), calls_(calls), name_(std::move(name)), connector_(std::move(connector)) {}

HostLink::~HostLink() {
  *alive_ = false;
  cancelled_ = true;
  probe_.reset();
  life_.reset();
  if (thread_.joinable()) thread_.join();
}

template <typename Tell>
void HostLink::ForEachObserver(Tell tell) {
  const std::vector<LinkObserver*> now(observers_.begin(), observers_.end());
  for (LinkObserver* observer : now) {
    if (observers_.count(observer) > 0) tell(observer);
  }
}

void HostLink::RunOnThread(std::function<void()> work) {
  if (thread_.joinable()) thread_.join();  // It has posted its result: its last step.
  thread_ = std::thread(std::move(work));
}

void HostLink::Want(LinkObserver* observer) {
  wanting_.insert(observer);
  Connect();
}

void HostLink::Connect() {
  if (state_ == State::kEnding) connect_again_ = true;
  if (state_ != State::kDown) return;
  state_ = State::kConnecting;
  LogInfo("link ", name_, ": connecting");
  RunOnThread([this, alive = alive_] {
    auto connection = std::make_shared<absl::StatusOr<Connection>>(connector_->Connect(
        [this, alive](const BootstrapProgress& progress) {
          loop_.Post([this, alive, progress] {
            if (*alive) OnProgress(progress);
          });
        },
        cancelled_));
    loop_.Post([this, alive, connection] {
      if (*alive) OnConnected(std::move(*connection));
    });
  });
}

void HostLink::OnProgress(const BootstrapProgress& progress) {
  if (state_ != State::kConnecting && state_ != State::kBootstrapping) return;
  if (progress.stage != BootstrapProgress::Stage::kConnecting) state_ = State::kBootstrapping;
  ForEachObserver([&](LinkObserver* observer) { observer->OnLinkProgress(progress); });
}

void HostLink::OnConnected(absl::StatusOr<Connection> connection) {
  if (!connection.ok()) return GoDown(connection.status());
  hello_ = std::move(connection->hello);
  mode_ = connection->mode;
  mode_reason_ = std::move(connection->mode_reason);
  ssh_ = std::move(connection->ssh);
  ssh_pid_ = ssh_ != nullptr ? ssh_->pid() : 0;
  last_failure_ = absl::OkStatus();

  // Frames are ≤ 256 KiB; what a host sends beyond a message of 1 MiB is not ours to hold.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(4 << 20);
  const std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomInsecureChannelFromFd("iris-agent", connection->wire.Release(), arguments);
  auto life = std::make_shared<LinkLife>();
  life->hello = hello_;
  life->stub = v1::Agent::NewStub(channel);
  life_ = std::move(life);
  probe_ =
      Probe::Start(loop_, calls_, *life_->stub, [this](const absl::Status& why) { OnLost(why); });
  state_ = State::kUp;
  was_up_ = true;
  LogInfo("link ", name_, ": up, ", ModeName(mode_), mode_reason_.empty() ? "" : ", because ",
          mode_reason_, "; agent ", hello_.build(), ", pid ", hello_.pid());
  const std::shared_ptr<LinkLife> up = life_;
  ForEachObserver([&](LinkObserver* observer) { observer->OnLinkUp(up); });
}

void HostLink::OnLost(const absl::Status& why) {
  if (state_ != State::kUp) return;
  state_ = State::kEnding;
  probe_.reset();
  life_.reset();
  if (ssh_ == nullptr) return GoDown(Annotate(why, name_));
  // ssh knows better than the wire why it ended; it may take a moment to say so.
  RunOnThread([this, alive = alive_, why] {
    const absl::Status said = ssh_->WhyEnded();
    ssh_.reset();
    loop_.Post([this, alive, why, said] {
      if (!*alive) return;
      GoDown(said.ok() ? Annotate(why, name_) : said);
    });
  });
}

void HostLink::GoDown(const absl::Status& why) {
  state_ = State::kDown;
  ssh_pid_ = 0;
  last_failure_ = why;
  LogWarn("link ", name_, ": down: ", Describe(ToProto(why)));
  const bool retries = RetryMends(KindOf(why));
  ForEachObserver([&](LinkObserver* observer) { observer->OnLinkDown(why, retries); });
  if (std::exchange(connect_again_, false)) return Connect();
  if (!retries) return;
  loop_.After(kRetryAfter, [this, alive = alive_] {
    if (*alive && !wanting_.empty()) Connect();
  });
}

v1::LinkStatus HostLink::Status() const {
  v1::LinkStatus status;
  status.set_key(name_);
  switch (state_) {
    case State::kDown:
      status.set_state("down");
      break;
    case State::kConnecting:
      status.set_state("connecting");
      break;
    case State::kBootstrapping:
      status.set_state("bootstrapping");
      break;
    case State::kUp:
      status.set_state("up");
      break;
    case State::kEnding:
      status.set_state("ending");
      break;
  }
  if (!last_failure_.ok()) *status.mutable_failure() = ToProto(last_failure_);
  if (state_ != State::kUp) return status;
  status.set_mode(std::string(ModeName(mode_)));
  status.set_mode_reason(mode_reason_);
  status.set_agent_build(hello_.build());
  status.set_agent_pid(hello_.pid());
  status.set_hostname(hello_.hostname());
  status.set_ssh_pid(ssh_pid_);
  status.set_agent_socket(hello_.socket_path());
  status.set_agent_data_dir(hello_.data_dir());
  return status;
}

}  // namespace iris
