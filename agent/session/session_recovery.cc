// What becomes of a session's child and tells when its agent was killed.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/process/life_lock.h"
#include "agent/process/survivor.h"
#include "agent/session/claim.h"
#include "agent/session/session.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr absl::Duration kLookElsewhereEvery = absl::Seconds(1);

ProcessId Id(int64_t pid, uint64_t start_time) {
  return {.pid = static_cast<pid_t>(pid), .start_time = start_time};
}

}  // namespace

absl::Status Session::SaveChild() {
  saved::State state = files_->state();
  if (child_ == nullptr) {
    state.clear_child();
    return files_->SaveState(state);
  }
  saved::Child& child = *state.mutable_child();
  child.set_keeper(child_->keeper());
  child.set_keeper_start_time(ProcessStartTime(child_->keeper()));
  child.set_pid(child_->pid());
  child.set_start_time(child_->start_time());
  child.set_boot_id(identity_.boot_id);
  child.set_pid_namespace(identity_.pid_namespace);
  child.set_life_lock(child_->holds_life_file());
  if (!claim_.held_path().empty()) child.set_claim(claim_.held_path());
  return files_->SaveState(state);
}

void Session::Recover(ProcessId stray_keeper) {
  queue_.Recover();
  if (!files_->state().has_child()) {
    return stray_keeper.Runs() ? BeginDraining(stray_keeper, {}) : OnSurvivorGone();
  }
  const saved::Child& child = files_->state().child();
  if (child.boot_id() != identity_.boot_id) return OnSurvivorGone();
  if (child.pid_namespace() != identity_.pid_namespace) return DrainElsewhere();
  BeginDraining(Id(child.keeper(), child.keeper_start_time()), Id(child.pid(), child.start_time()));
}

void Session::BeginDraining(ProcessId keeper, ProcessId claude) {
  draining_ = true;
  // Where another agent has claimed the session since, what carries its mark is that agent's.
  const bool is_ours = claim_.TakeForSurvivor(keeper);
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
          ? absl::StrCat(
                "a claude of an earlier agent, or what it started, seems to run in "
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
  claim_.Release();
  stall_.OnDraining("", StallNow());
  draining_ = false;
  idle_since_ = absl::Now();
  if (files_->state().has_child()) {
    if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
  }
  queue_.SettleLost(/*closed=*/!closing_.empty());
  AskTranscript();
  std::vector<CloseDone> closing = std::exchange(closing_, {});
  for (CloseDone& done : closing) done(true);
  if (phase() == Phase::kNone && (!opening_.empty() || queue_.any_waits())) StartChild();
}

absl::Status Session::UnlessInTranscript(const absl::Status& why) {
  if (!replay_.TellIfAnswered(turn_->tell_id)) return why;
  turn_->owes_whole = false;
  return absl::OkStatus();
}

void Session::TellAnew(const TranscriptTurn& turn, absl::string_view reason) {
  replay_.Tell(turn_->tell_id, turn.lines, reason);
  turn_->owes_whole = false;
}

}  // namespace iris
