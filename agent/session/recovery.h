#ifndef IRIS_AGENT_SESSION_RECOVERY_H_
#define IRIS_AGENT_SESSION_RECOVERY_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "agent/inventory/session_context.h"
#include "agent/process/strays.h"
#include "agent/process/survivor.h"
#include "agent/session/held_claim.h"
#include "agent/session/lifetime.h"
#include "agent/session/loop_timer.h"
#include "agent/session/session_files.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Hears of what an earlier agent has left.
class RecoverySink {
 public:
  virtual ~RecoverySink() = default;
  // A child of it is waited for: `why`, for people; empty: not any more.
  virtual void OnDraining(absl::string_view why) = 0;
  // Nothing of it runs any more, or it is let go: the session may start a child.
  virtual void OnSurvivorGone() = 0;
};

// What becomes of a session's child when its agent was killed: it finishes its turn, and is waited
// for, and ended where that takes too long. Nothing may be started before. Lives on the process
// loop.
//
//   Begin() ── one may run ──▶ draining ── it is gone, or End() ──▶ (strays are killed) ──▶ over
//      └───────── none ────────────────────────────────────────────────────────────────────▶
//
// Strays are looked for by the agent's SlowWork, since reading what the kernel says of a process
// may wait for that process: a minute at most, and in front of all that a next child needs there.
// Its life lock (life_lock.h) is only tried on the loop, once a second, and on no network file
// system.
class Recovery {
 public:
  // All of them outlive this.
  Recovery(EventLoop& loop, const SessionContext& context, std::string session_id,
           SessionFiles& files, HeldClaim& claim, StrayKiller kill_strays, RecoverySink& sink)
      : loop_(loop),
        context_(context),
        id_(std::move(session_id)),
        files_(files),
        claim_(claim),
        kill_strays_(std::move(kill_strays)),
        sink_(sink),
        drain_timer_(loop),
        look_timer_(loop) {}

  // Waits for the child that the files have, or the one below `stray_keeper`, where the files were
  // lost too. Once; where there is none, OnSurvivorGone() comes at once.
  void Begin(ProcessId stray_keeper);
  // A child of an earlier agent is waited for.
  bool is_draining() const { return draining_; }
  // That child, as the files have it; nothing where none is waited for.
  void Describe(v1::SessionInfo& info) const;
  // It is ended. What another agent runs, or may run where nobody here can see it, is let go
  // instead.
  void End();

 private:
  void Drain(ProcessId keeper, ProcessId claude, absl::string_view why);
  // The survivor ran in another pid namespace.
  void DrainElsewhere();
  void LookElsewhere();
  // For certain: nothing of it runs any more.
  bool IsOverElsewhere();
  void OnGone();
  // Whoever killed the survivor's keeper, which ends all that is below, left its tools to nobody.
  void KillStrays();
  void BeOver();

  EventLoop& loop_;
  const SessionContext& context_;
  const std::string id_;
  SessionFiles& files_;
  HeldClaim& claim_;
  const StrayKiller kill_strays_;
  RecoverySink& sink_;
  bool draining_ = false;
  bool claiming_ = false;           // The survivor is being claimed,
  bool is_gone_ = false;            // and is gone already,
  bool end_asked_ = false;          // or is to be ended then.
  bool keeper_was_killed_ = false;  // Of the survivor, before this agent came.
  bool kills_strays_ = false;       // These are looked for now.
  std::unique_ptr<Survivor> survivor_;
  LoopTimer drain_timer_;
  LoopTimer look_timer_;  // For a survivor that cannot be seen.
  const Lifetime lifetime_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_RECOVERY_H_
