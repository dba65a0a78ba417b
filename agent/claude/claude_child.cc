#include "agent/claude/claude_child.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/claude/stream_json.h"
#include "common/base/ids.h"
#include "common/log/check.h"

namespace iris {
namespace {

constexpr absl::Duration kTermForMin = absl::Milliseconds(500);

std::string NewRequestId() { return absl::StrCat("iris-", RandomHex(8)); }

}  // namespace

absl::StatusOr<std::unique_ptr<ClaudeChild>> ClaudeChild::Start(EventLoop& loop,
                                                                const ChildSpec& spec, bool resumed,
                                                                const ChildStarter& start,
                                                                ClaudeSink& sink) {
  std::unique_ptr<ClaudeChild> claude(new ClaudeChild(loop, sink));
  absl::StatusOr<std::unique_ptr<Child>> child = start(loop, spec, *claude);
  if (!child.ok()) return child.status();
  claude->child_ = *std::move(child);
  claude->resumed_ = resumed;
  claude->program_ = spec.program;
  claude->started_at_ = absl::Now();
  return claude;
}

absl::StatusOr<std::unique_ptr<ClaudeChild>> ClaudeChild::Adopt(EventLoop& loop,
                                                                ClaudeHandover handover,
                                                                ClaudeSink& sink) {
  std::unique_ptr<ClaudeChild> claude(new ClaudeChild(loop, sink));
  absl::StatusOr<std::unique_ptr<Child>> child =
      Child::Adopt(loop, std::move(handover.child), *claude);
  if (!child.ok()) return child.status();
  claude->child_ = *std::move(child);
  claude->state_ = State::kReady;
  claude->resumed_ = handover.resumed;
  claude->program_ = std::move(handover.program);
  claude->started_at_ = handover.started_at;
  claude->stderr_tail_ = std::move(handover.stderr_tail);
  claude->unread_bytes_ = handover.unread_bytes;
  return claude;
}

ClaudeChild::~ClaudeChild() {
  CancelTimer(step_timer_);
  CancelTimer(deaf_timer_);
}

void ClaudeChild::CancelTimer(EventLoop::TimerId& timer) {
  if (timer != 0) loop_.Cancel(timer);
  timer = 0;
}

ClaudeHandover ClaudeChild::HandOver() const {
  Check(state_ == State::kReady, "a claude that is not ready is handed over");
  return {.child = child_->HandOver(),
          .resumed = resumed_,
          .program = program_,
          .started_at = started_at_,
          .stderr_tail = stderr_tail_,
          .unread_bytes = unread_bytes()};
}

// --------------------------------------------------------------------------------- what it is told

void ClaudeChild::Initialize(absl::Duration limit) {
  Check(state_ == State::kStarting && initialize_id_.empty(), "claude is initialized twice");
  initialize_id_ = NewRequestId();
  WriteControl(InitializeLine(initialize_id_));
  step_timer_ = loop_.After(limit, [this] {
    step_timer_ = 0;
    sink_.OnNotReady(NotReady::kSilent, "");
  });
}

void ClaudeChild::Send(absl::string_view uuid, absl::string_view text) {
  Check(state_ == State::kReady, "a message goes to a claude that is not ready");
  probe_id_.clear();
  interrupt_id_.clear();
  child_->Write(MessageLine(uuid, text) + "\n");
}

void ClaudeChild::Probe() {
  probe_id_ = NewRequestId();
  WriteControl(ProbeLine(probe_id_));
}

void ClaudeChild::Interrupt() {
  interrupt_id_ = NewRequestId();
  WriteControl(InterruptLine(interrupt_id_));
}

void ClaudeChild::Decide(absl::string_view request_id, absl::string_view decision) {
  WriteControl(DecisionLine(request_id, decision));
}

void ClaudeChild::Refuse(absl::string_view request_id, absl::string_view why) {
  WriteControl(RefusalLine(request_id, why));
}

// Of what is queued, a message is no matter of this.
size_t ClaudeChild::unread_bytes() const { return std::min(unread_bytes_, child_->queued_bytes()); }

void ClaudeChild::WriteControl(const std::string& line) {
  if (state_ == State::kEnding || deaf_timer_ != 0) return;
  if (child_->queued_bytes() == 0) unread_bytes_ = 0;
  if (unread_bytes() + line.size() > kUnreadBytesMax) {
    // Later: whoever writes goes on with the turn.
    deaf_timer_ = loop_.After(absl::ZeroDuration(), [this] {
      deaf_timer_ = 0;
      if (state_ != State::kEnding) sink_.OnDeaf();
    });
    return;
  }
  unread_bytes_ += line.size() + 1;
  child_->Write(line + "\n");
}

void ClaudeChild::End(absl::Duration grace) {
  Check(state_ != State::kEnding, "claude is ended twice");
  CancelTimer(step_timer_);
  state_ = State::kEnding;
  child_->CloseStdin();
  step_timer_ = loop_.After(grace, [this, grace] {
    child_->Signal(SIGTERM);
    step_timer_ = loop_.After(std::max(grace, kTermForMin), [this] {
      step_timer_ = 0;
      child_->KillAll();
    });
  });
}

// ------------------------------------------------------------------------------------ what it says

void ClaudeChild::OnStarted(pid_t, uint64_t) { sink_.OnStarted(); }

void ClaudeChild::OnStdout(absl::string_view bytes) { scanner_.Feed(bytes); }

void ClaudeChild::OnStderr(absl::string_view bytes) {
  stderr_tail_.append(bytes.data(), bytes.size());
  if (stderr_tail_.size() > kStderrTailBytes) {
    stderr_tail_.erase(0, stderr_tail_.size() - kStderrTailBytes);
  }
  sink_.OnStderr(bytes);
}

void ClaudeChild::OnLinePiece(absl::string_view piece, bool ends_line) {
  sink_.OnPiece(piece, ends_line);
}

void ClaudeChild::OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  sink_.OnLine(facts, head, head_is_whole);
  switch (KindOfLine(facts)) {
    case LineKind::kControlResponse:
      if (head_is_whole) OnControlResponse(head);
      break;
    case LineKind::kControlRequest:
      if (facts.request_id.empty()) break;
      if (state_ == State::kStarting && facts.request_id == initialize_id_) {
        return sink_.OnNotReady(NotReady::kEcho, "");
      }
      sink_.OnRequest(facts.request_id, head_is_whole ? head : "");
      break;
    case LineKind::kRequestWithdrawn:
      sink_.OnRequestWithdrawn(facts.request_id);
      break;
    default:
      break;
  }
}

void ClaudeChild::OnControlResponse(absl::string_view line) {
  const ControlResponse response = ReadControlResponse(line);
  const std::string& id = response.request_id;
  if (id.empty()) return;
  if (id == probe_id_) {
    // It stays: an answer that is said twice says no more.
    return sink_.OnProbeAnswered();
  }
  if (id == interrupt_id_) {
    interrupt_id_.clear();
    return response.success ? sink_.OnInterruptAnswered(response.cancelled)
                            : sink_.OnInterruptRefused();
  }
  if (state_ != State::kStarting || id != initialize_id_) return;
  if (!response.success) return sink_.OnNotReady(NotReady::kRefused, response.error);
  CancelTimer(step_timer_);
  state_ = State::kReady;
  sink_.OnReady();
}

// ---------------------------------------------------------------------------------------- its end

void ClaudeChild::OnExited(const absl::StatusOr<ExitStatus>& how) {
  const bool was_starting = state_ == State::kStarting;
  // Whatever its last words are, nothing is written to it any more.
  state_ = State::kEnding;
  CancelTimer(step_timer_);
  CancelTimer(deaf_timer_);
  scanner_.Finish();
  sink_.OnExited(how, was_starting);
}

void ClaudeChild::OnGone() {
  CancelTimer(step_timer_);
  sink_.OnGone();  // Which destroys this.
}

}  // namespace iris
