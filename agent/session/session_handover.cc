// A session in an upgrade: the program of this process is replaced, its children go on.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "agent/claude/launch.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/session.h"
#include "common/log/log.h"

namespace iris {
namespace {

void HandOverChild(ChildHandover from, handover::Child& child) {
  child.set_keeper(from.keeper);
  child.set_pid(from.pid);
  child.set_start_time(from.start_time);
  child.set_stdin_fd(from.stdin_fd);
  child.set_stdout_fd(from.stdout_fd);
  child.set_stderr_fd(from.stderr_fd);
  child.set_report_fd(from.report_fd);
  child.set_unwritten(std::move(from.unwritten));
  child.set_report_text(std::move(from.report_text));
}

ChildHandover ChildIn(const handover::Child& child) {
  return {.keeper = static_cast<pid_t>(child.keeper()),
          .pid = static_cast<pid_t>(child.pid()),
          .start_time = child.start_time(),
          .stdin_fd = child.stdin_fd(),
          .stdout_fd = child.stdout_fd(),
          .stderr_fd = child.stderr_fd(),
          .report_fd = child.report_fd(),
          .unwritten = child.unwritten(),
          .report_text = child.report_text()};
}

ClaudeHandover ClaudeIn(const handover::Session& state) {
  return {.child = ChildIn(state.child()),
          .resumed = state.resumed(),
          .program = state.program(),
          .started_at = absl::FromUnixMillis(state.started_at_ms()),
          .stderr_tail = state.stderr_tail(),
          .unread_bytes = state.unread_bytes()};
}

void HandOverLimit(const LimitWatch::Seen& seen, handover::Limit& limit) {
  limit.set_rejected(seen.rejected);
  limit.set_model_spoke(seen.model_spoke);
  limit.set_ran(seen.ran);
  limit.set_said(seen.said);
  limit.set_resets_at_ms(seen.resets_at_ms);
}

LimitWatch::Seen LimitIn(const handover::Limit& limit) {
  return {.rejected = limit.rejected(),
          .model_spoke = limit.model_spoke(),
          .ran = limit.ran(),
          .said = limit.said(),
          .resets_at_ms = limit.resets_at_ms()};
}

void HandOverIdle(const IdleWatch::Seen& seen, handover::Session& state) {
  state.set_line_broken(seen.line_broken);
  state.set_text_lost(seen.text_lost);
  state.set_result_lost(seen.result_lost);
  state.set_knows_state(seen.knows_state);
  state.set_state_lost(seen.state_lost);
  state.set_says_idle(seen.says_idle);
  state.set_idle_in_turn(seen.idle_in_turn);
}

// A build before these fields says no more than that it says idle: then it is asked first.
IdleWatch::Seen IdleIn(const handover::Session& state) {
  return {.line_broken = state.line_broken(),
          .text_lost = state.text_lost(),
          .result_lost = state.result_lost(),
          .knows_state = state.knows_state() || state.says_idle(),
          .state_lost = state.state_lost(),
          .says_idle = state.says_idle(),
          .idle_in_turn = state.idle_in_turn()};
}

}  // namespace

std::string Session::WhyNoHandover() const {
  if (!journal().all_written()) return "its journal waits for room on the disk";
  switch (phase()) {
    case Phase::kStarting:
      return "claude is starting";
    case Phase::kClosing:
      return "claude is being ended";
    case Phase::kNone:
      return "";
    case Phase::kDraining:
      if (!closing_.empty()) return "claude is being ended";
      if (queue_.is_cancelling_lost()) return "a message is being cancelled";
      return "";
    case Phase::kReady:
      break;
  }
  if (turn_ != nullptr && turn_->interrupt != nullptr) return "a message is being cancelled";
  if (turn_ != nullptr && turn_->awaited_for.has_value()) {
    return "an answer is looked up in claude's transcript";
  }
  if (!child_->can_be_handed_over()) return "claude is ending";
  // Such a line is nowhere as a whole.
  if (!child_->scanner().holds_unfinished()) return "claude is in the middle of a long line";
  return "";
}

std::optional<handover::Session> Session::HandOver() const {
  handover::Session state;
  state.set_session_id(id_);
  queue_.HandOver(state);
  spec_.HandOver(/*child=*/phase() == Phase::kReady, state);
  if (phase() != Phase::kReady) {
    if (state.waiting().empty() && state.lost().empty()) return std::nullopt;
    return state;
  }
  const ClaudeHandover claude = child_->HandOver();
  HandOverChild(claude.child, *state.mutable_child());
  state.set_unread_bytes(claude.unread_bytes);
  state.set_resumed(claude.resumed);
  state.set_program(claude.program);
  state.set_started_at_ms(absl::ToUnixMillis(claude.started_at));
  state.set_stderr_tail(claude.stderr_tail);
  state.set_unfinished_line(child_->scanner().unfinished());
  if (turn_ != nullptr) {
    state.set_in_flight(turn_->tell_id);
    state.set_replay_seen(turn_->replay_seen);
    state.set_spoke_before(turn_->spoke_before);
    state.set_owes_whole(turn_->owes_whole);
    HandOverLimit(turn_->limit.seen(), *state.mutable_limit());
  }
  HandOverIdle(idle_.seen(), state);
  state.set_idle_ms(absl::ToInt64Milliseconds(absl::Now() - idle_since_));
  for (const auto& [id, name] : stall_.tools()) {
    handover::Tool& tool = *state.add_tools();
    tool.set_id(id);
    tool.set_name(name);
  }
  for (const v1::PendingRequest& request : requests_.open()) {
    handover::Request& waiting = *state.add_requests();
    waiting.set_request(request.SerializeAsString());
    waiting.set_waited_ms(
        absl::ToInt64Milliseconds(loop_.now() - requests_.Since(request.request_id())));
  }
  for (const auto& [id, json] : requests_.answers()) {
    handover::Answer& answer = *state.add_answers();
    answer.set_request_id(id);
    answer.set_json(json);
  }
  return state;
}

bool Session::GoOnWithChild(const handover::Session& before) {
  if (!before.has_child()) return false;
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child =
      ClaudeChild::Adopt(loop_, ClaudeIn(before), *this);
  if (!child.ok()) {
    LogError("session ", id_, ": ", child.status().message(), "; its child is waited for");
    return false;
  }
  child_ = *std::move(child);
  program_ = child_->program();
  spec_.AdoptChild(before);
  queue_.GoOn(before.in_flight());
  if (before.in_flight().empty()) {
    ArmIdleTimer(absl::Milliseconds(std::max<int64_t>(0, before.idle_ms())));
  } else {
    turn_ = std::make_unique<Turn>(loop_, before.in_flight());
    turn_->replay_seen = before.replay_seen();
    turn_->spoke_before = before.spoke_before();
    turn_->owes_whole = before.owes_whole();
    turn_->limit.GoOn(LimitIn(before.limit()));
    std::vector<std::pair<std::string, std::string>> tools;
    for (const handover::Tool& tool : before.tools()) tools.emplace_back(tool.id(), tool.name());
    stall_.GoOn(std::move(tools), StallNow());
    ArmProbe();
    ArmIdleCheck();
  }
  idle_.GoOn(IdleIn(before), /*in_turn=*/turn_ != nullptr, StallNow());
  for (const handover::Request& waiting : before.requests()) {
    v1::PendingRequest request;
    if (!request.ParseFromString(waiting.request())) continue;
    WaitForAnswer(std::move(request), absl::Milliseconds(waiting.waited_ms()));
  }
  for (const handover::Answer& answer : before.answers()) {
    requests_.RememberAnswer(answer.request_id(), answer.json());
  }
  // Readers drop what they have of a line where another life begins: they get it from its start.
  child_->ReadOn(before.unfinished_line());
  UpdateBackPressure();
  return true;
}

}  // namespace iris
