#include "coordinator/link/host_link.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "common/process/thread.h"
#include "coordinator/link/grpc_channel.h"
#include "coordinator/link/link_status.h"

namespace iris {
namespace {

// A machine without threads may have some again.
constexpr absl::Duration kThreadAgain = absl::Seconds(1);
// The host has said that no agent runs there.
bool CannotHaveStarted(const absl::Status& why) {
  switch (KindOf(why)) {
    case v1::FAILURE_NO_AGENT_POSSIBLE:
    case v1::FAILURE_NOT_EXECUTABLE:
    case v1::FAILURE_NO_SPACE:
      return true;
    default:
      return false;
  }
}

}  // namespace

HostLink::HostLink(EventLoop& loop, OutstandingCalls& calls, std::string name,
                   std::unique_ptr<Connector> connector, HostLinkOptions options)
    : loop_(loop),
      calls_(calls),
      name_(std::move(name)),
      connector_(std::move(connector)),
      options_(std::move(options)),
      machine_(options_.seed, options_.waits),
      heartbeat_(options_.heartbeat, Now()) {}

HostLink::~HostLink() {
  alive_.Clear();
  cancelled_ = true;
  CancelTimer(&retry_timer_);
  CancelTimer(&heartbeat_timer_);
  CloseLife();
  if (thread_.joinable()) thread_.join();
  if (machine_.attempting()) SayAttemptEnded(absl::CancelledError());
}

absl::Status HostLink::RunOnThread(absl::string_view purpose, std::function<void()> work) {
  if (!options_.threads) {
    loop_.Post([alive = alive_.Watch(), work = std::move(work)] {
      if (alive) work();
    });
    return absl::OkStatus();
  }
  if (thread_.joinable()) thread_.join();  // It has posted its result: its last step.
  absl::StatusOr<std::thread> thread = StartThread(purpose, std::move(work));
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void HostLink::CancelTimer(EventLoop::TimerId* timer) {
  if (*timer != 0) loop_.Cancel(*timer);
  *timer = 0;
}

// ------------------------------------------------------------------------------------ who wants it

void HostLink::Want(LinkObserver* observer) {
  if (retired_) return;
  if (!observers_.wanted()) away_since_.reset();  // It may have been there, and nobody asked.
  observers_.Want(observer);
  const bool joins = machine_.attempting();
  Handle(LinkEvent::kAsked);
  ArmHeartbeat();
  if (!joins) return;
  // The host may have said something that whoever waits has to know.
  loop_.Post([this, alive = alive_.Watch()] {
    if (!alive || !machine_.attempting() || progress_.text.empty()) return;
    observers_.ForEach([this](LinkObserver& waiting) { waiting.OnLinkProgress(progress_); });
  });
}

void HostLink::Unwant(LinkObserver* observer) {
  if (!observers_.Unwant(observer)) return;
  if (!observers_.wanted()) Handle(LinkEvent::kUnwanted);
  ArmHeartbeat();
}

void HostLink::RemoveObserver(LinkObserver* observer) {
  observers_.Remove(observer);
  Unwant(observer);
}

void HostLink::Retire() {
  retired_ = true;
  if (!observers_.wanted()) return;
  observers_.UnwantAll();
  Handle(LinkEvent::kUnwanted);
}

void HostLink::Close() {
  Retire();
  cancelled_ = true;
  if (machine_.up()) Lose(MakeFailure(v1::FAILURE_CANCELLED, "no team uses it any more"), false);
}

void HostLink::SetUrgent(LinkObserver* observer, bool urgent) {
  observers_.SetUrgent(observer, urgent);
  ArmHeartbeat();
}

// --------------------------------------------------------------------------- what the machine says

void HostLink::Handle(LinkEvent event) { Perform(machine_.Handle(event, Now())); }

void HostLink::NoteFailure(const absl::Status& why) {
  failure_ = why;
  failed_at_ = Now();
  if (!away_since_.has_value()) away_since_ = failed_at_;
}

void HostLink::Fail(const absl::Status& why) {
  NoteFailure(why);
  facts_.clear();
  const LinkActions actions = machine_.Fail(KindOf(why), failed_at_);
  LogWarn("link ", name_, ": ", LinkStateName(machine_.state()), ": ", Describe(ToProto(why)));
  Perform(actions);
}

// Observers come last: they may ask for more.
void HostLink::Perform(const LinkActions& actions) {
  if (actions.cancel_retry) CancelTimer(&retry_timer_);
  if (actions.arm_retry) ArmRetry();
  if (actions.begin_ending) BeginEnding();
  if (actions.start_attempt) StartAttempt();
  if (actions.probe_now) {
    heartbeat_.ProbeSoon(Now());
    ArmHeartbeat();
  }
  if (actions.report_progress) {
    observers_.ForEach([this](LinkObserver& observer) { observer.OnLinkProgress(progress_); });
  }
  if (actions.report_up) {
    const std::shared_ptr<LinkLife> life = life_;
    observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkUp(life); });
  }
  if (actions.report_down) {
    const bool retries = machine_.state() == LinkState::kWaiting;
    const absl::Status why = failure_;
    observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkDown(why, retries); });
  }
}

void HostLink::ArmRetry() {
  retry_timer_ = loop_.After(machine_.retry_at() - Now(), [this] {
    retry_timer_ = 0;
    Handle(LinkEvent::kRetryDue);
  });
}

// --------------------------------------------------------------------------------------- coming up

void HostLink::StartAttempt() {
  LogInfo("link ", name_, ": connecting");
  progress_ = {};
  is_loss_ = false;
  met_shell_ = false;
  if (!was_up_ && options_.on_attempt) options_.on_attempt();
  const absl::Status started = RunOnThread("connects", [this, alive = alive_.Watch()] {
    auto connection = std::make_shared<absl::StatusOr<Connection>>(connector_->Connect(
        [this, alive](const ConnectProgress& progress) {
          if (progress.stage != ConnectProgress::Stage::kConnecting) {
            met_shell_ = progress.hello == nullptr;
          }
          loop_.Post([this, alive, progress] {
            if (alive) OnProgress(progress);
          });
        },
        cancelled_));
    loop_.Post([this, alive, connection] {
      if (alive) OnConnected(std::move(*connection));
    });
  });
  if (started.ok()) return;
  loop_.Post([this, alive = alive_.Watch(), started] {
    if (alive) OnConnected(started);
  });
}

void HostLink::OnProgress(const ConnectProgress& progress) {
  progress_ = progress;
  if (progress.stage != ConnectProgress::Stage::kConnecting) {
    may_have_started_ = progress.hello == nullptr;
    if (progress.hello != nullptr && options_.on_unused_agent) {
      options_.on_unused_agent(*progress.hello);
    }
    return Handle(LinkEvent::kProgress);
  }
  observers_.ForEach([this](LinkObserver& observer) { observer.OnLinkProgress(progress_); });
}

void HostLink::OnConnected(absl::StatusOr<Connection> connection) {
  Check(machine_.attempting() && life_ == nullptr, "a link comes up that did not try to");
  SayAttemptEnded(connection.status());
  if (!connection.ok()) return Fail(connection.status());
  OpenLife(*std::move(connection));
  LogInfo("link ", name_, ": up, ", LinkModeName(mode_), mode_reason_.empty() ? "" : ", because ",
          mode_reason_, "; agent ", hello_.build(), ", pid ", hello_.pid());
  if (!remark_.empty()) LogWarn("link ", name_, ": ", remark_);
  Handle(LinkEvent::kConnected);
}

void HostLink::SayAttemptEnded(const absl::Status& outcome) {
  if (was_up_ || !options_.on_attempt_end) return;
  options_.on_attempt_end(outcome.ok() || (met_shell_ && !CannotHaveStarted(outcome)));
}

void HostLink::OpenLife(Connection connection) {
  hello_ = std::move(connection.hello);
  mode_ = connection.mode;
  mode_reason_ = std::move(connection.mode_reason);
  remark_ = std::move(connection.remark);
  facts_ = std::move(connection.facts);
  owner_ = std::move(connection.owner);
  failure_ = absl::OkStatus();
  away_since_.reset();
  was_up_ = true;
  may_have_started_ = false;

  std::unique_ptr<AgentChannel> channel =
      connection.open_channel ? connection.open_channel(loop_, calls_)
                              : OpenGrpcChannel(loop_, calls_, std::move(connection.wire));
  life_ = std::make_shared<LinkLife>(
      LinkLife{.hello = hello_,
               .channel = std::move(channel),
               .credit = CreditShares(options_.credit, Now()),
               .send_window = SendWindow(
                   options_.send_window, [this] { return probe_->Ping(); }, Now()),
               .identity = options_.identity});
  probe_ = Probe::Start(loop_, *life_->channel,
                        {.on_answer = [this](uint64_t nonce) { OnAnswer(nonce); },
                         .on_end = [this](const absl::Status& why) { Lose(why, true); }});
  heartbeat_ = Heartbeat(options_.heartbeat, Now());
  ArmHeartbeat();
}

// -------------------------------------------------------------------------------------- staying up

void HostLink::OnTraffic() {
  if (life_ == nullptr) return;
  heartbeat_.OnTraffic(Now());
  if (machine_.state() == LinkState::kSuspect) Handle(LinkEvent::kProofOfLife);
}

void HostLink::OnAnswer(uint64_t nonce) {
  OnTraffic();
  heartbeat_.OnAnswer(Now());
  ArmHeartbeat();
  if (life_ != nullptr) life_->send_window.OnAnswered(nonce, Now());
}

// Streams that still run hold the life until they hear of its end.
void HostLink::CloseLife() {
  if (life_ != nullptr) life_->send_window.Stop();
  probe_.reset();
  life_.reset();
}

void HostLink::ArmHeartbeat() {
  CancelTimer(&heartbeat_timer_);
  if (life_ == nullptr) return;
  heartbeat_.SetUrgent(observers_.urgent());
  heartbeat_timer_ = loop_.After(heartbeat_.due() - Now(), [this] {
    heartbeat_timer_ = 0;
    OnHeartbeat();
  });
}

void HostLink::OnHeartbeat() {
  switch (heartbeat_.Tick(Now())) {
    case Heartbeat::Act::kNothing:
      break;
    case Heartbeat::Act::kProbe:
      probe_->Ping();
      break;
    case Heartbeat::Act::kSuspect:
      Handle(LinkEvent::kSilence);
      break;
    case Heartbeat::Act::kLost:
      return Lose(MakeFailure(v1::FAILURE_DROPPED,
                              absl::StrCat("the host has been silent for ",
                                           absl::FormatDuration(options_.heartbeat.lost_after))),
                  false);
  }
  ArmHeartbeat();
}

// -------------------------------------------------------------------------------------- going down

void HostLink::Lose(const absl::Status& why, bool ask_owner) {
  NoteFailure(Annotate(why, name_));
  is_loss_ = true;
  ask_owner_ = ask_owner;
  Handle(LinkEvent::kWireLost);
}

void HostLink::BeginEnding() {
  CancelTimer(&heartbeat_timer_);
  CloseLife();
  const absl::Status wire = failure_;
  if (owner_ == nullptr) {
    loop_.Post([this, alive = alive_.Watch(), wire] {
      if (alive) Fail(wire);
    });
    return;
  }
  // What keeps the wire knows better why it ended, and may take a moment to say so. A silent one is
  // just ended, so that no half-dead client is left beside the next.
  EndOwner(wire);
}

void HostLink::EndOwner(const absl::Status& wire) {
  const std::string purpose = absl::StrCat("ends ", owner_->name());
  const absl::Status started =
      RunOnThread(purpose, [this, alive = alive_.Watch(), wire, ask_owner = ask_owner_] {
        const absl::Status said = ask_owner ? owner_->WhyEnded() : wire;
        owner_.reset();
        loop_.Post([this, alive, why = said.ok() ? wire : said] {
          if (alive) Fail(why);
        });
      });
  if (started.ok()) return;
  // It may take a second, which the loop does not have.
  loop_.After(kThreadAgain, [this, alive = alive_.Watch(), wire] {
    if (alive) EndOwner(wire);
  });
}

v1::LinkStatus HostLink::Status() const {
  v1::LinkStatus status;
  status.set_key(name_);
  status.set_state(ToProto(machine_.state()));
  status.set_losses(machine_.losses());
  if (!failure_.ok()) {
    *status.mutable_failure() = ToProto(failure_);
    status.set_failure_age_ms(absl::ToInt64Milliseconds(Now() - failed_at_));
    status.set_is_loss(is_loss_);
  }
  if (away_since_.has_value()) {
    status.set_away_ms(absl::ToInt64Milliseconds(Now() - *away_since_));
  }
  if (machine_.state() == LinkState::kWaiting) {
    const absl::Duration left = std::max(machine_.retry_at() - Now(), absl::ZeroDuration());
    status.set_retry_in_ms(absl::ToInt64Milliseconds(left));
  }
  if (!machine_.up()) return status;
  status.set_mode(std::string(LinkModeName(mode_)));
  status.set_mode_reason(mode_reason_);
  status.set_remark(remark_);
  ShowAgent(hello_, status);
  ShowFacts(facts_, status);
  return status;
}

}  // namespace iris
