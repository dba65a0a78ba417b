#ifndef IRIS_AGENT_SESSION_CHILD_START_H_
#define IRIS_AGENT_SESSION_CHILD_START_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/claude/claude_child.h"
#include "agent/claude/launch.h"
#include "agent/inventory/session_context.h"
#include "agent/process/child.h"
#include "agent/session/child_note.h"
#include "agent/session/held_claim.h"
#include "agent/session/session_files.h"
#include "agent/session/session_spec.h"
#include "common/loop/event_loop.h"

namespace iris {

// Hears how a start goes, also from inside Begin(). Each one ends with OnProcess(),
// OnStartFailed() or OnStartAbandoned(). The session may be claimed then: whoever hears of it
// releases it, of a process when that is gone.
class ChildStartSink {
 public:
  virtual ~ChildStartSink() = default;
  // Its process was started, and the next agent would know of it. OnProcessHeld() follows, unless
  // the next start begins before that; until then the process must not be told anything.
  virtual void OnProcess(std::unique_ptr<ClaudeChild> child) = 0;
  // Of that process, which may have ended meanwhile. OK: its session is known to run nowhere else.
  // FAILURE_WRONG_HOST: another host took it at the same moment, and the process must not go on.
  virtual void OnProcessHeld(const absl::Status& held) = 0;
  // There is no process, because of `why`: as SessionSpec::Plan(), HeldClaim::TakeForStart() and
  // ChildNote::Write(); FAILURE_CHILD_EXITED and FAILURE_BUSY_LIMIT: the system started none.
  virtual void OnStartFailed(const absl::Status& why) = 0;
  // No process was started, since nobody wants it any more.
  virtual void OnStartAbandoned() = 0;
};

// The steps from a child that is wanted to a process that may be spoken to, of one child of a
// session after the other. Lives on the process loop.
//
//   Begin ── host looked at, session claimed, transcript sought ──▶ process ── claim held ──▶ over
//     └── failed, or Abandon() and the step that is under way has ended ──▶ over
//
// It is under way until its process is there, and may be abandoned until then. A takeover that a
// person asks for while another host turns out to have the session begins it anew.
class ChildStart {
 public:
  using Text = std::function<std::string()>;

  // What a start makes use of. All of them outlive it.
  struct Parts {
    const SessionFiles& files;
    SessionSpec& spec;
    HeldClaim& claim;
    ChildNote& note;
  };
  // `claude_sink` hears of the processes. `who`: the session's claude, for people.
  ChildStart(EventLoop& loop, const SessionContext& context, const Parts& parts,
             ChildStarter starter, ClaudeSink& claude_sink, ChildStartSink& sink, Text who);
  ChildStart(const ChildStart&) = delete;
  ChildStart& operator=(const ChildStart&) = delete;

  // None is under way, and no process of the session is left.
  void Begin();
  // The one that is under way gets no process.
  void Abandon();
  // The next one resumes the session though its transcript is nowhere here: a claude has said that
  // there is one.
  void ResumeNextAnyway() { resumes_anyway_ = true; }

  bool is_under_way() const { return state_ != State::kNone; }
  // It will have no process.
  bool is_abandoned() const { return state_ == State::kAbandoned; }

 private:
  enum class State { kNone, kUnderWay, kAbandoned };

  void OnPlanned(absl::StatusOr<LaunchPlan> plan);
  void OnClaimed(const absl::Status& claimed, LaunchPlan plan);
  void OnTranscriptSought(absl::StatusOr<LaunchPlan> plan);
  // No process is started: because of `why`, or it was abandoned meanwhile.
  void Stop(const absl::Status& why);
  // One that the next agent would know of.
  absl::StatusOr<std::unique_ptr<ClaudeChild>> StartProcess(LaunchPlan& plan);

  EventLoop& loop_;
  const SessionContext& context_;
  const Parts parts_;
  const ChildStarter starter_;
  ClaudeSink& claude_sink_;
  ChildStartSink& sink_;
  const Text who_;
  State state_ = State::kNone;
  bool resumes_anyway_ = false;
  uint64_t starts_ = 0;  // What comes of an earlier one is nobody's any more.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_CHILD_START_H_
