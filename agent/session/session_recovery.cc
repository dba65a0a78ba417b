// What becomes of a session's child and tells when its agent was killed.

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/process/life_lock.h"
#include "agent/process/survivor.h"
#include "agent/session/claim.h"
#include "agent/session/launch.h"
#include "agent/session/session.h"
#include "agent/session/transcript.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr size_t kDetailBytesMax = 2000;
constexpr absl::Duration kLookElsewhereEvery = absl::Seconds(1);

ProcessId Id(int64_t pid, uint64_t start_time) {
  return {.pid = static_cast<pid_t>(pid), .start_time = start_time};
}

}  // namespace

absl::Status Session::SaveChild() {
  saved::State state = files_->state();
  if (child_ == nullptr) {
    state.clear_child();
    return Save(state);
  }
  saved::Child& child = *state.mutable_child();
  child.set_keeper(child_->keeper());
  child.set_keeper_start_time(ProcessStartTime(child_->keeper()));
  child.set_pid(child_->pid());
  child.set_start_time(child_->start_time());
  child.set_boot_id(identity_.boot_id);
  child.set_pid_namespace(identity_.pid_namespace);
  child.set_life_lock(child_->holds_life_file());
  if (!claim_path_.empty()) child.set_claim(claim_path_);
  return Save(state);
}

absl::Status Session::Save(saved::State state) {
  if (identity_.host_age) state.set_used_age_ms(absl::ToInt64Milliseconds(identity_.host_age()));
  return files_->SaveState(state);
}

std::string Session::Transcript() const {
  return TranscriptOf(child_ != nullptr ? child_spec_ : spec_, id_, identity_);
}

void Session::Recover(ProcessId stray_keeper) {
  for (const v1::TellState& tell : files_->tells().Open()) {
    if (tell.phase() == v1::TellState::WRITTEN) {
      lost_.push_back({.id = tell.tell_id()});
    } else {
      textless_.insert(tell.tell_id());
    }
  }
  if (!files_->state().has_child()) {
    return stray_keeper.Runs() ? BeginDraining(stray_keeper, {}) : OnSurvivorGone();
  }
  const saved::Child& child = files_->state().child();
  if (child.boot_id() != identity_.boot_id) return OnSurvivorGone();
  if (child.pid_namespace() != identity_.pid_namespace) return DrainElsewhere();
  BeginDraining(Id(child.keeper(), child.keeper_start_time()), Id(child.pid(), child.start_time()));
}

void Session::BeginDraining(ProcessId keeper, ProcessId claude) {
  phase_ = Phase::kDraining;
  // Where another agent has claimed the session since, what carries its mark is that agent's.
  const bool is_ours = ClaimForSurvivor(keeper);
  keeper_was_killed_ = is_ours && !keeper.Runs();
  stall_.OnDraining("a claude of an earlier agent finishes its turn", StallNow());
  if (keeper.pid != 0 || claude.pid != 0) {
    survivor_ = std::make_unique<Survivor>(loop_, keeper, claude, [this] { OnSurvivorGone(); });
  }
  drain_timer_ = loop_.After(identity_.drain_max, [this] {
    drain_timer_ = 0;
    LogWarn("session ", id_, ": what an earlier agent left of it did not end by itself");
    EndSurvivor();
  });
}

// A container that was started again has pids of its own, and none of those before it can be seen.
void Session::DrainElsewhere() {
  const saved::Child& child = files_->state().child();
  if (IsSurvivorOverElsewhere()) return OnSurvivorGone();
  const std::string why =
      child.life_lock()
          ? absl::StrCat("a claude of an earlier agent, or what it started, seems to run in "
                         "another container of this host, ",
                         child.pid_namespace())
          : absl::StrCat("a claude of an earlier agent ran in another container, ",
                         child.pid_namespace(), ", and nothing says whether it still does");
  LogWarn("session ", id_, ": ", why, "; it is waited for");
  BeginDraining({}, {});
  stall_.OnDraining(why, StallNow());
  if (child.life_lock()) LookElsewhere();
}

void Session::LookElsewhere() {
  look_timer_ = loop_.After(kLookElsewhereEvery, [this] {
    look_timer_ = 0;
    IsSurvivorOverElsewhere() ? OnSurvivorGone() : LookElsewhere();
  });
}

// By its lock, which the kernel takes from it with its last process. Its claim goes with it: where
// it was made nobody is left to remove it.
bool Session::IsSurvivorOverElsewhere() {
  const saved::Child child = files_->state().child();
  if (identity_.sessions_on_network) return false;
  if (!child.life_lock() || !IsLifeOver(files_->life_path())) return false;
  LogInfo("session ", id_, ": its child in ", child.pid_namespace(), " is gone");
  Claim gone = OurClaim(identity_, Id(child.keeper(), child.keeper_start_time()));
  gone.pid_namespace = child.pid_namespace();
  if (!child.claim().empty()) DropClaimOf(child.claim(), gone);
  return true;
}

void Session::EndSurvivor() {
  if (survivor_ != nullptr && !survivor_->is_of_another_agent()) return survivor_->End();
  // Another agent runs it, and its claim keeps the session. Or it runs where nobody here can see
  // it, if it runs: whoever asks for its end has to know.
  OnSurvivorGone();
}

void Session::OnSurvivorGone() {
  CancelTimer(drain_timer_);
  CancelTimer(look_timer_);
  survivor_.reset();
  // Whoever killed its keeper, which ends all that is below, left its tools to nobody.
  const size_t strays = std::exchange(keeper_was_killed_, false) ? kill_strays_(id_) : 0;
  if (strays > 0) LogWarn(Who(), ": ", strays, " processes that it had left were killed");
  ReleaseClaim();
  stall_.OnDraining("", StallNow());
  phase_ = Phase::kNone;
  idle_since_ = absl::Now();
  if (files_->state().has_child()) {
    if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
  }
  std::deque<WaitingTell> waiting;
  for (LostTell& lost : std::exchange(lost_, {})) SettleLost(std::move(lost), waiting);
  // These were accepted before the others.
  waiting_.insert(waiting_.begin(), std::make_move_iterator(waiting.begin()),
                  std::make_move_iterator(waiting.end()));
  AskTranscript();
  std::vector<CloseDone> closing = std::exchange(closing_, {});
  for (CloseDone& done : closing) done(true);
  if (phase_ == Phase::kNone && (!opening_.empty() || !waiting_.empty())) StartChild();
}

void Session::SettleLost(LostTell lost, std::deque<WaitingTell>& to_write) {
  waiting_bytes_ -= lost.text.size();
  const bool cancelled = !lost.cancelled.empty() || !closing_.empty();
  const absl::Status ended =
      MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(Who(), " was ended on request"));
  if (!SettledByTranscript(lost.id, lost.cancelled.empty() ? absl::OkStatus() : ended)) {
    if (cancelled) {
      Settle(lost.id, ended);
    } else if (!SettledAsBegun(lost.id, lost.begun)) {
      files_->tells().Set(lost.id, v1::TellState::ACCEPTED);
      maybe_read_.insert(lost.id);
      if (lost.has_text) {
        waiting_bytes_ += lost.text.size();
        to_write.push_back({lost.id, std::move(lost.text)});
      } else {
        textless_.insert(lost.id);
      }
    }
  }
  for (CancelDone& done : lost.cancelled) done(v1::TellState::WRITTEN);
}

bool Session::SettledByTranscript(const std::string& tell_id, const absl::Status& unless_ended) {
  const absl::StatusOr<TranscriptTurn> turn = FindTurn(Transcript(), tell_id);
  const std::string lost = absl::StrCat(Who(), " lost its agent in this turn");
  if (!turn.ok()) {
    Settle(tell_id, MakeFailure(v1::FAILURE_AMBIGUOUS,
                                absl::StrCat(lost, ", and its transcript does not help: ",
                                             turn.status().message())));
    return true;
  }
  switch (turn->state) {
    case TranscriptTurn::State::kAbsent:
      // What was heard of it stays told, and says that claude had begun it.
      if (!files_->tells().WasHeard(tell_id)) return false;
      Settle(tell_id, !unless_ended.ok()
                          ? unless_ended
                          : MakeFailure(v1::FAILURE_AMBIGUOUS,
                                        absl::StrCat(lost, ", and there is no transcript of it")));
      return true;
    case TranscriptTurn::State::kNotBegun:
      return false;
    case TranscriptTurn::State::kEndedWell:
      TellAnew(tell_id, turn->lines, "the agent was lost; this is the transcript's text");
      Settle(tell_id, absl::OkStatus());
      return true;
    case TranscriptTurn::State::kBroken:
      TellAnew(tell_id, turn->lines, "the agent was lost; this is what the transcript has");
      if (turn->permission_lost && unless_ended.ok()) {
        Settle(tell_id, PermissionLost(/*closed=*/false));
        return true;
      }
      Settle(tell_id,
             !unless_ended.ok()
                 ? unless_ended
                 : MakeFailure(v1::FAILURE_AMBIGUOUS,
                               absl::StrCat(lost, ": ", CutUtf8(turn->detail, kDetailBytesMax))));
      return true;
  }
  return false;
}

absl::Status Session::UnlessInTranscript(const absl::Status& why) {
  const absl::StatusOr<TranscriptTurn> turn = FindTurn(Transcript(), turn_->tell_id);
  if (!turn.ok() || turn->state != TranscriptTurn::State::kEndedWell) return why;
  TellAnew(turn_->tell_id, turn->lines,
           "claude ended after its answer; this is the transcript's text");
  return absl::OkStatus();
}

// Of a text that lacks its beginning nothing may be left.
absl::Status Session::TellWhole(const absl::Status& outcome) {
  const absl::StatusOr<TranscriptTurn> turn = FindTurn(Transcript(), turn_->tell_id);
  TellAnew(turn_->tell_id, turn.ok() ? turn->lines : std::vector<std::string>(),
           "the message came anew while it ran; this is what the transcript has");
  if (!outcome.ok()) return outcome;
  if (turn.ok() && turn->state == TranscriptTurn::State::kEndedWell) return outcome;
  const std::string detail = turn.ok() ? turn->detail : std::string(turn.status().message());
  return MakeFailure(
      v1::FAILURE_AMBIGUOUS,
      absl::StrCat(Who(), " has answered, and its transcript does not have the whole answer",
                   detail.empty() ? "" : ": ", CutUtf8(detail, kDetailBytesMax)));
}

void Session::TellAnew(const std::string& tell_id, const std::vector<std::string>& lines,
                       const std::string& reason) {
  v1::Event event;
  if (turn_ != nullptr && turn_->tell_id == tell_id) turn_->owes_whole = false;
  event.mutable_gap()->set_tell_id(tell_id);
  event.mutable_gap()->set_reason(reason);
  Append(std::move(event));
  for (const std::string& line : lines) AppendLine(line);
}

}  // namespace iris
