#include "agent/session/child_start.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {

ChildStart::ChildStart(EventLoop& loop, const SessionContext& context, const Parts& parts,
                       ChildStarter starter, ClaudeSink& claude_sink, ChildStartSink& sink,
                       Text who)
    : loop_(loop),
      context_(context),
      parts_(parts),
      starter_(std::move(starter)),
      claude_sink_(claude_sink),
      sink_(sink),
      who_(std::move(who)) {}

void ChildStart::Begin() {
  Check(!is_under_way(), "a child is started while another one is");
  state_ = State::kUnderWay;
  ++starts_;
  parts_.spec.Plan([this](absl::StatusOr<LaunchPlan> plan) { OnPlanned(std::move(plan)); });
}

void ChildStart::Abandon() {
  Check(is_under_way(), "a start is abandoned that is over");
  state_ = State::kAbandoned;
}

void ChildStart::OnPlanned(absl::StatusOr<LaunchPlan> plan) {
  Check(is_under_way(), "what is started is planned for none");
  if (is_abandoned() || !plan.ok()) return Stop(plan.status());
  parts_.claim.TakeForStart([this, plan = *std::move(plan)](const absl::Status& claimed) mutable {
    OnClaimed(claimed, std::move(plan));
  });
}

void ChildStart::OnClaimed(const absl::Status& claimed, LaunchPlan plan) {
  Check(is_under_way(), "a session is claimed for no child");
  if (is_abandoned() || !claimed.ok()) return Stop(claimed);
  if (std::exchange(resumes_anyway_, false)) {
    ResumeAnyway(plan);
    return OnTranscriptSought(std::move(plan));
  }
  // By now: another host that shares this home may have had the session until it was claimed.
  parts_.spec.LookForTranscript(std::move(plan), [this](absl::StatusOr<LaunchPlan> found) {
    OnTranscriptSought(std::move(found));
  });
}

void ChildStart::OnTranscriptSought(absl::StatusOr<LaunchPlan> plan) {
  Check(is_under_way(), "a transcript is sought for no child");
  if (is_abandoned() || !plan.ok()) return Stop(plan.status());
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child = StartProcess(*plan);
  if (!child.ok()) return Stop(child.status());
  state_ = State::kNone;
  sink_.OnProcess(*std::move(child));
  // Its claim was taken for this agent, and is from here on that of its keeper.
  parts_.claim.Hold([this, start = starts_](const absl::Status& held) {
    if (start == starts_) sink_.OnProcessHeld(held);
  });
}

void ChildStart::Stop(const absl::Status& why) {
  Check(is_under_way(), "a start is stopped that is over");
  if (std::exchange(state_, State::kNone) == State::kAbandoned) return sink_.OnStartAbandoned();
  // A person has asked for it since.
  if (KindOf(why) == v1::FAILURE_WRONG_HOST && parts_.claim.takes_over_next()) return Begin();
  sink_.OnStartFailed(why);
}

absl::StatusOr<std::unique_ptr<ClaudeChild>> ChildStart::StartProcess(LaunchPlan& plan) {
  if (!context_.sessions_on_network) plan.child.life_file = parts_.files.life_path();
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child =
      ClaudeChild::Start(loop_, plan.child, plan.resumes, starter_, claude_sink_);
  if (!child.ok()) {
    const std::string what = absl::StrCat(who_(), " could not be started");
    return IsExhausted(child.status())
               ? Exhausted(child.status(), what)
               : MakeFailure(v1::FAILURE_CHILD_EXITED,
                             absl::StrCat(what, ": ", child.status().message()), kFixAgentFile);
  }
  // Before its first byte: the next agent must know of it whatever it does with it.
  if (absl::Status noted = parts_.note.Write(**child); !noted.ok()) return noted;
  return child;
}

}  // namespace iris
