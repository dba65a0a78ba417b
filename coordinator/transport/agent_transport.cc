#include "coordinator/transport/agent_transport.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/rpc/grpc_failure.h"

namespace iris {
namespace {

constexpr absl::Duration kAcquireDeadline = absl::Seconds(15);
constexpr absl::Duration kOpenSlack = absl::Seconds(10);  // Beyond the agent's own limit.
constexpr absl::Duration kCancelDeadline = absl::Seconds(30);
constexpr absl::Duration kCloseDeadline = absl::Seconds(15);
// The stream and the link end together; the link knows why, and says so a little later.
constexpr absl::Duration kLinkVerdict = absl::Seconds(3);
// The answer to Close and the last events travel on streams of their own.
constexpr absl::Duration kStreamVerdict = absl::Seconds(3);

TransportProgress::Stage StageOf(BootstrapProgress::Stage stage) {
  switch (stage) {
    case BootstrapProgress::Stage::kConnecting:
      return TransportProgress::Stage::kConnecting;
    case BootstrapProgress::Stage::kUploading:
      return TransportProgress::Stage::kUploading;
    case BootstrapProgress::Stage::kStarting:
      return TransportProgress::Stage::kStarting;
  }
  return TransportProgress::Stage::kConnecting;
}

absl::Status EndedOnRequest(absl::string_view team) {
  return MakeFailure(v1::FAILURE_CANCELLED,
                     absl::StrCat("claude for team ", team, " was ended on request"));
}

}  // namespace

AgentTransport::AgentTransport(EventLoop& loop, OutstandingCalls& calls, Link& link,
                               CoordinatorIdentity identity, const Team& team, SessionKey key,
                               TransportSink& sink)
    : loop_(loop),
      calls_(calls),
      link_(link),
      identity_(std::move(identity)),
      team_(team),
      key_(std::move(key)),
      sink_(sink) {
  link_.AddObserver(this);
}

AgentTransport::~AgentTransport() {
  *alive_ = false;
  link_.RemoveObserver(this);
  LetGo();
  if (close_ != nullptr) close_->Cancel();
  if (ending_timer_ != 0) loop_.Cancel(ending_timer_);
}

void AgentTransport::Later(std::function<void()> task) {
  loop_.Post([alive = alive_, task = std::move(task)] {
    if (*alive) task();
  });
}

void AgentTransport::LetGo() {
  if (acquire_ != nullptr) acquire_->Cancel();
  if (open_ != nullptr) open_->Cancel();
  if (attach_ != nullptr) attach_->Cancel();
  acquire_.reset();
  open_.reset();
  attach_.reset();
  life_.reset();
  if (detached_timer_ != 0) loop_.Cancel(detached_timer_);
  detached_timer_ = 0;
  detached_ = absl::OkStatus();
  ready_ = false;
  child_pid_ = 0;
  state_ = State::kDown;
}

// ---------------------------------------------------------------------------------- the way to
// open

void AgentTransport::Spawn() {
  if (state_ == State::kOpen && ready_) {
    return Later([this] { sink_.OnReady(child_pid_, child_start_time_); });
  }
  if (state_ == State::kOpen) {
    state_ = State::kOpening;  // The child has ended since; the agent starts another.
    return Open();
  }
  if (state_ == State::kDown) UseLink();
}

void AgentTransport::UseLink() {
  state_ = State::kLinking;
  if (std::shared_ptr<LinkLife> life = link_.life(); life != nullptr) return OnLinkUp(life);
  link_.Want(this);
}

void AgentTransport::OnLinkProgress(const BootstrapProgress& progress) {
  if (state_ != State::kLinking) return;
  sink_.OnProgress({.stage = StageOf(progress.stage),
                    .text = progress.text,
                    .bytes_done = progress.bytes_done,
                    .bytes_total = progress.bytes_total});
}

void AgentTransport::OnLinkUp(const std::shared_ptr<LinkLife>& life) {
  if (state_ != State::kLinking) return;
  life_ = life;
  Acquire();
}

void AgentTransport::Acquire() {
  state_ = State::kAcquiring;
  acquire_ = AcquireCall::Make(loop_, calls_, absl::Now() + kAcquireDeadline,
                               [this](AcquireCall& call, const grpc::Status& status) {
                                 if (!status.ok()) {
                                   return Fail(FromGrpcStatus(status, "leasing the session"));
                                 }
                                 epoch_ = call.response.epoch();
                                 acquire_.reset();
                                 if (!ending_.empty()) return Close();
                                 Attach();
                               });
  acquire_->request.set_session_id(key_.session_id);
  acquire_->request.set_coordinator_id(identity_.id);
  acquire_->request.set_label(identity_.label);
  life_->stub->async()->Acquire(&acquire_->context, &acquire_->request, &acquire_->response,
                                acquire_->Done());
}

// Attached before it is opened: nothing that the child does goes unseen.
void AgentTransport::Attach() {
  state_ = State::kAttaching;
  attach_ = AttachCall::Start(loop_, calls_, life_, key_.session_id, epoch_, *this);
}

v1::LaunchSpec AgentTransport::LaunchSpecOf() const {
  v1::LaunchSpec spec;
  spec.set_cwd(team_.path);
  spec.set_claude_path(team_.claude_path);
  spec.set_init_timeout_ms(absl::ToInt64Milliseconds(team_.session_init_timeout));
  spec.set_idle_timeout_ms(absl::ToInt64Milliseconds(team_.idle_timeout));
  spec.set_skip_permissions(team_.skip_permissions);
  spec.set_team(team_.name);
  spec.set_from(key_.from);
  return spec;
}

void AgentTransport::Open() {
  const absl::Time deadline = absl::Now() + team_.session_init_timeout + kOpenSlack;
  open_ =
      OpenCall::Make(loop_, calls_, deadline, [this](OpenCall& call, const grpc::Status& status) {
        if (!status.ok()) return Fail(FromGrpcStatus(status, ""));
        const v1::OpenResponse response = call.response;
        open_.reset();
        OnOpened(response);
      });
  open_->request.set_session_id(key_.session_id);
  open_->request.set_epoch(epoch_);
  *open_->request.mutable_spec() = LaunchSpecOf();
  life_->stub->async()->Open(&open_->context, &open_->request, &open_->response, open_->Done());
  Later([this] {
    if (open_ == nullptr) return;
    sink_.OnProgress({.stage = TransportProgress::Stage::kStarting, .text = "starting claude"});
  });
}

void AgentTransport::OnOpened(const v1::OpenResponse& response) {
  state_ = State::kOpen;
  BecomeReady(response.child());
  SendTells();
}

void AgentTransport::BecomeReady(const v1::ChildInfo& child) {
  if (ready_ && child_pid_ == child.pid()) return;  // Both the event and the call's answer say so.
  ready_ = true;
  child_pid_ = child.pid();
  child_start_time_ = child.start_time();
  ++metrics_.spawns;
  sink_.OnReady(child_pid_, child_start_time_);
}

// --------------------------------------------------------------------------------------------
// tells

void AgentTransport::Tell(const std::string& tell_id, std::string text) {
  metrics_.last_used = absl::Now();
  metrics_.bytes_out += text.size();
  tells_.push_back({.id = tell_id, .text = std::move(text)});
  if (state_ == State::kOpen) return SendTells();
  Spawn();
}

void AgentTransport::SendTells() {
  for (PendingTell& tell : tells_) {
    if (std::exchange(tell.sent, true)) continue;
    attach_->SendTell(tell.id, tell.text);
    tell.text = {};
  }
}

void AgentTransport::Cancel(const std::string& tell_id) {
  const auto tell = std::find_if(tells_.begin(), tells_.end(),
                                 [&](const PendingTell& tell) { return tell.id == tell_id; });
  if (tell == tells_.end()) return;
  if (!tell->sent) {
    return Later([this, tell_id] {
      const auto waiting = std::find_if(tells_.begin(), tells_.end(), [&](const PendingTell& tell) {
        return tell.id == tell_id && !tell.sent;
      });
      if (waiting == tells_.end()) return;
      SettleOne(tell_id, MakeFailure(v1::FAILURE_CANCELLED, "the message was cancelled"));
    });
  }
  // Its outcome comes down the stream; this call only asks for it.
  const std::shared_ptr<CancelCall> call = CancelCall::Make(
      loop_, calls_, absl::Now() + kCancelDeadline, [](CancelCall&, const grpc::Status& status) {
        if (!status.ok()) LogWarn("cancelling a tell: ", status.error_message());
      });
  call->request.set_session_id(key_.session_id);
  call->request.set_epoch(epoch_);
  call->request.set_tell_id(tell_id);
  life_->stub->async()->CancelTell(&call->context, &call->request, &call->response, call->Done());
}

void AgentTransport::OnNews(std::vector<SessionNews> news, uint64_t wire_bytes) {
  metrics_.bytes_in += wire_bytes;
  const std::shared_ptr<bool> alive = alive_;
  for (SessionNews& item : news) {
    // What the sink did for an earlier item may have ended all this.
    if (!*alive || attach_ == nullptr) return;
    const bool ours = std::any_of(tells_.begin(), tells_.end(), [&item](const PendingTell& tell) {
      return tell.id == item.tell_id;
    });
    switch (item.kind) {
      case SessionNews::Kind::kAttached:
        if (!ending_.empty()) {
          if (close_ == nullptr) Close();
          break;
        }
        state_ = State::kOpening;
        Open();
        break;
      case SessionNews::Kind::kStarted:
        BecomeReady(item.child);
        break;
      case SessionNews::Kind::kWritten:
        if (ours) {
          sink_.OnProgress(
              {.stage = TransportProgress::Stage::kWorking, .text = "claude has the message"});
        }
        break;
      case SessionNews::Kind::kText:
        if (ours && !item.text.empty()) sink_.OnText(item.tell_id, item.text);
        break;
      case SessionNews::Kind::kSettled:
        if (ours) SettleOne(item.tell_id, item.outcome);
        break;
      case SessionNews::Kind::kExited:
        if (std::exchange(ready_, false)) {
          child_pid_ = 0;
          sink_.OnDown(item.outcome);
        }
        break;
    }
  }
  if (*alive && attach_ != nullptr) EndIfQuiet();
}

void AgentTransport::SettleOne(const std::string& tell_id, const absl::Status& outcome) {
  const auto settled =
      std::find_if(tells_.begin(), tells_.end(),
                   [&tell_id](const PendingTell& tell) { return tell.id == tell_id; });
  tells_.erase(settled);
  ++metrics_.tells_settled;
  metrics_.last_used = absl::Now();
  sink_.OnSettled(tell_id, outcome);
}

// ---------------------------------------------------------------------------------------------
// ends

void AgentTransport::OnDetached(const absl::Status& why) {
  attach_.reset();
  if (KindOf(why) != v1::FAILURE_DROPPED) return Fail(why);
  // Not yet: the link is about to say what happened.
  detached_ = why;
  detached_timer_ = loop_.After(kLinkVerdict, [this] {
    detached_timer_ = 0;
    Fail(detached_);
  });
}

void AgentTransport::OnLinkDown(const absl::Status& why, bool) {
  if (state_ == State::kDown) return;
  const bool was_up = life_ != nullptr;
  if (!was_up) return Fail(why);
  // Whatever ended the link, for a tell under way it is one thing: dropped.
  const Failure failure = ToProto(why);
  Fail(MakeFailure(v1::FAILURE_DROPPED, failure.detail()));
}

bool AgentTransport::SettleAll(const absl::Status& outcome) {
  std::deque<PendingTell> tells = std::exchange(tells_, {});
  const std::shared_ptr<bool> alive = alive_;
  for (const PendingTell& tell : tells) {
    ++metrics_.tells_settled;
    sink_.OnSettled(tell.id, outcome);
    if (!*alive) return false;
  }
  return true;
}

void AgentTransport::Fail(const absl::Status& why) {
  LetGo();
  if (!SettleAll(why)) return;
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnDown(why);
  if (!*alive || ending_.empty() || close_ != nullptr) return;
  if (was_running_.has_value()) return Ended(*was_running_);
  Ended(why);
}

void AgentTransport::Terminate(TerminateDone done) {
  ending_.push_back(std::move(done));
  if (ending_.size() > 1) return;
  if (state_ == State::kOpen || state_ == State::kOpening) return Close();
  Later([this] {
    if (!SettleAll(EndedOnRequest(team_.name))) return;
    if (state_ == State::kOpen || state_ == State::kOpening) return Close();
    // A child of an earlier contact may live there.
    if (state_ == State::kDown) UseLink();
  });
}

void AgentTransport::Close() {
  if (state_ != State::kOpen && state_ != State::kOpening) state_ = State::kClosing;
  close_ = CloseCall::Make(loop_, calls_, absl::Now() + kCloseDeadline,
                           [this](CloseCall& call, const grpc::Status& status) {
                             const bool was_running = call.response.was_running();
                             close_.reset();
                             if (status.ok()) return OnClosed(was_running);
                             OnClosed(FromGrpcStatus(status, "ending the session"));
                           });
  close_->request.set_session_id(key_.session_id);
  close_->request.set_epoch(epoch_);
  life_->stub->async()->Close(&close_->context, &close_->request, &close_->response,
                              close_->Done());
}

void AgentTransport::OnClosed(const absl::StatusOr<bool>& was_running) {
  if (!was_running.ok()) {
    if (state_ == State::kClosing) return Fail(was_running.status());
    return Ended(was_running);
  }
  was_running_ = *was_running;
  if (state_ == State::kDown) return Ended(*was_running);
  if (state_ != State::kOpen) return Fail(EndedOnRequest(team_.name));
  // The stream says how the tells ended and that the child is gone; the call may be faster. A tell
  // that was still being sent is not heard of any more.
  ending_timer_ = loop_.After(kStreamVerdict, [this] {
    ending_timer_ = 0;
    Fail(EndedOnRequest(team_.name));
  });
  EndIfQuiet();
}

void AgentTransport::EndIfQuiet() {
  if (was_running_.has_value() && !ready_ && tells_.empty()) Ended(*was_running_);
}

void AgentTransport::Ended(const absl::StatusOr<bool>& was_running) {
  if (ending_timer_ != 0) loop_.Cancel(ending_timer_);
  ending_timer_ = 0;
  was_running_.reset();
  std::vector<TerminateDone> ending = std::exchange(ending_, {});
  const std::shared_ptr<bool> alive = alive_;
  for (TerminateDone& done : ending) {
    if (*alive) done(was_running);
  }
}

}  // namespace iris
