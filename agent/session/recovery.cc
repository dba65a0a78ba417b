#include "agent/session/recovery.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/process/life_lock.h"
#include "agent/process/slow_work.h"
#include "agent/session/claim.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr absl::Duration kLookElsewhereEvery = absl::Seconds(1);
constexpr absl::Duration kStraysWithin = absl::Minutes(1);

ProcessId Id(int64_t pid, uint64_t start_time) {
  return {.pid = static_cast<pid_t>(pid), .start_time = start_time};
}

}  // namespace

void Recovery::Begin(ProcessId stray_keeper) {
  Check(!draining_, "a session is recovered twice");
  constexpr absl::string_view kWhy = "a claude of an earlier agent finishes its turn";
  if (!files_.state().has_child()) {
    return stray_keeper.Runs() ? Drain(stray_keeper, {}, kWhy) : OnGone();
  }
  const saved::Child& child = files_.state().child();
  if (child.boot_id() != context_.boot_id) return OnGone();
  if (child.pid_namespace() != context_.pid_namespace) return DrainElsewhere();
  Drain(Id(child.keeper(), child.keeper_start_time()), Id(child.pid(), child.start_time()), kWhy);
}

void Recovery::Drain(ProcessId keeper, ProcessId claude, absl::string_view why) {
  draining_ = true;
  sink_.OnDraining(why);
  const bool ran = keeper.Runs();
  if (keeper.pid != 0 || claude.pid != 0) {
    survivor_ = std::make_unique<Survivor>(loop_, keeper, claude, [this] { OnGone(); });
  }
  drain_timer_.Set(context_.drain_max, [this] {
    LogWarn("session ", id_, ": what an earlier agent left of it did not end by itself");
    End();
  });
  claiming_ = true;
  claim_.TakeForSurvivor(keeper, [this, ran](bool is_ours) {
    claiming_ = false;
    // Where another agent has claimed the session since, what carries its mark is that agent's.
    keeper_was_killed_ = is_ours && !ran;
    if (std::exchange(is_gone_, false)) return OnGone();
    if (std::exchange(end_asked_, false)) End();
  });
}

// A container that was started again has pids of its own, and none of those before it can be seen.
void Recovery::DrainElsewhere() {
  const saved::Child& child = files_.state().child();
  if (IsOverElsewhere()) return OnGone();
  const std::string why =
      child.life_lock()
          ? absl::StrCat(
                "a claude of an earlier agent, or what it started, seems to run in "
                "another container of this host, ",
                child.pid_namespace())
          : absl::StrCat("a claude of an earlier agent ran in another container, ",
                         child.pid_namespace(), ", and nothing says whether it still does");
  LogWarn("session ", id_, ": ", why, "; it is waited for");
  Drain({}, {}, why);
  if (child.life_lock()) LookElsewhere();
}

void Recovery::LookElsewhere() {
  look_timer_.Set(kLookElsewhereEvery, [this] { IsOverElsewhere() ? OnGone() : LookElsewhere(); });
}

// By its lock, which the kernel takes from it with its last process. Its claim goes with it: where
// it was made nobody is left to remove it.
bool Recovery::IsOverElsewhere() {
  const saved::Child child = files_.state().child();
  if (context_.sessions_on_network) return false;
  if (!child.life_lock() || !IsLifeOver(files_.life_path())) return false;
  LogInfo("session ", id_, ": its child in ", child.pid_namespace(), " is gone");
  Claim gone = OurClaim(context_, Id(child.keeper(), child.keeper_start_time()));
  gone.pid_namespace = child.pid_namespace();
  if (!child.claim().empty()) claim_.ReleaseOf(child.claim(), gone);
  return true;
}

void Recovery::Describe(v1::SessionInfo& info) const {
  if (!draining_) return;
  const saved::Child& survivor = files_.state().child();
  v1::ChildInfo& child = *info.mutable_child();
  child.set_pid(survivor.pid());
  child.set_start_time(survivor.start_time());
  child.set_boot_id(survivor.boot_id());
  child.set_pid_namespace(survivor.pid_namespace());
}

void Recovery::End() {
  // Whose it is decides what is ended.
  end_asked_ = claiming_;
  if (claiming_ || kills_strays_) return;
  if (survivor_ != nullptr && !survivor_->is_of_another_agent()) return survivor_->End();
  // Another agent runs it, and its claim keeps the session. Or it runs where nobody here can see
  // it, if it runs: whoever asks for its end has to know.
  OnGone();
}

void Recovery::OnGone() {
  is_gone_ = claiming_;
  if (claiming_) return;
  drain_timer_.Cancel();
  look_timer_.Cancel();
  survivor_.reset();
  std::exchange(keeper_was_killed_, false) ? KillStrays() : BeOver();
}

void Recovery::KillStrays() {
  Check(draining_ && !claiming_ && !kills_strays_, "strays of no survivor are looked for");
  kills_strays_ = true;
  auto killed = std::make_shared<size_t>(0);
  OrAtOnce(context_.slow_work)
      .Run(
          "what a claude has left", kStraysWithin,
          [killed, kill = kill_strays_, id = id_] { *killed = kill(id); },
          lifetime_.While([this, killed](const absl::Status& ran) {
            if (!ran.ok()) {
              LogWarn("session ", id_, ": ", ran.message(), ": some of it may still run");
            } else if (*killed > 0) {
              LogWarn("session ", id_, ": ", *killed,
                      " processes that its claude had left were killed");
            }
            kills_strays_ = false;
            BeOver();
          }));
}

void Recovery::BeOver() {
  Check(!claiming_ && !kills_strays_ && survivor_ == nullptr,
        "a survivor is over that is waited for");
  claim_.Release();
  sink_.OnDraining("");
  draining_ = false;
  sink_.OnSurvivorGone();
}

}  // namespace iris
