#ifndef IRIS_AGENT_SESSION_LIVE_CHILD_H_
#define IRIS_AGENT_SESSION_LIVE_CHILD_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/claude_child.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/transcript.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/session_context.h"
#include "agent/process/child.h"
#include "agent/session/child_end.h"
#include "agent/session/child_note.h"
#include "agent/session/child_start.h"
#include "agent/session/held_claim.h"
#include "agent/session/in_flight.h"
#include "agent/session/loop_timer.h"
#include "agent/session/open_requests.h"
#include "agent/session/session_files.h"
#include "agent/session/session_log.h"
#include "agent/session/session_spec.h"
#include "agent/session/tell_queue.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Hears of a session's child.
class LiveChildSink {
 public:
  virtual ~LiveChildSink() = default;
  // It may get tells.
  virtual void OnChildReady() = 0;
  // It could not be started, or ended or is being ended before it was ready.
  virtual void OnStartFailed(const absl::Status& why) = 0;
  // The last process of it is gone, and what became of its tell is known: another one may be
  // started.
  virtual void OnChildGone() = 0;
};

// The claude of a session, one after the other, from the claim to the last process: starts it as
// the session's spec says, passes on to the other parts what it says and asks, and ends it. Lives
// on the process loop.
//
//   none ── Start ──▶ starting ──▶ ready ── End, or it ends ──▶ closing ──▶ none
//
// It is starting from the moment in which the host is looked at for what to start and its session
// is being claimed, and has a process then, but not at once. It is closing until its tell is
// settled, which its transcript may be read for.
class LiveChild final : private ClaudeSink, private ChildStartSink {
 public:
  using Text = std::function<std::string()>;
  enum class Phase { kNone, kStarting, kReady, kClosing };

  static constexpr absl::Duration kDefaultGrace = absl::Seconds(2);

  // The parts of the session that hear what happens, and that it is started by. All of them outlive
  // it.
  struct Parts {
    SessionFiles& files;
    SessionLog& log;
    SessionSpec& spec;
    HeldClaim& claim;
    TellQueue& queue;
    OpenRequests& requests;
    ChildEnd& end;
    InFlight& in_flight;
  };
  // `who`: the claude, for people.
  LiveChild(EventLoop& loop, const SessionContext& context, std::string session_id,
            const Parts& parts, ChildStarter starter, LiveChildSink& sink, Text who);
  LiveChild(const LiveChild&) = delete;
  LiveChild& operator=(const LiveChild&) = delete;

  Phase phase() const;
  bool exists() const { return has_process() || start_.is_under_way() || lingers_; }
  bool has_process() const { return child_ != nullptr; }
  // What people see of the session by it: also of one that has none.
  v1::SessionState state() const;
  // Its process, if it has one, and since when nothing is asked of it, where no tell is open.
  void Describe(v1::SessionInfo& info) const;
  // It is ready. `started`: it was not when the Open came.
  v1::OpenResponse Opened(bool started) const;
  // Where the child has its session's transcript, or the next one would.
  TranscriptPlace Transcript() const;

  // One of the sink's calls follows, or has come. None exists.
  void Start();
  // EOF on stdin, after `grace` SIGTERM, after another SIGKILL. Nothing where none exists or it is
  // being ended.
  void End(absl::Duration grace, v1::Exited::Reason reason);
  // False: it is as the newest Open wants it. Else it is being ended.
  bool EndIfOutdated();
  // Writes the oldest tell that waits, if it can get one now. One that must not get it is ended: it
  // is outdated, or another host has the session, which all that wait hear.
  void WriteNextTell();
  // It gets what a person has decided, or why nobody does.
  void Decide(const std::string& request_id, const std::string& decision);
  void Refuse(const std::string& request_id, const std::string& why);
  // The tell in flight is settled.
  void OnTellSettled();
  // It is read as far as the journal has room.
  void UpdateBackPressure();

  // Nothing is asked of it, for `idle_for` already: it is ended when the team's idle time is over.
  void Idle(absl::Duration idle_for = absl::ZeroDuration());
  void EndIdling() { idle_timer_.Cancel(); }
  // What an earlier agent had started is over.
  void ForgetSurvivor();

  // Empty: it could go on in another program of this process, or there is none. Else why not.
  std::string WhyNoHandover() const;
  // It is ready.
  void HandOver(handover::Session& state) const;
  // That of the program before goes on. False: it does not, or there is none.
  bool Adopt(const handover::Session& before);

 private:
  void OnProcess(std::unique_ptr<ClaudeChild> child) override;
  void OnProcessHeld(const absl::Status& held) override;
  void OnStartFailed(const absl::Status& why) override;
  void OnStartAbandoned() override { OnGone(); }

  void OnStarted() override { note_.Update(*child_); }
  void OnReady() override;
  void OnNotReady(NotReady reason, const std::string& why) override;
  void OnPiece(absl::string_view piece, bool ends_line) override {
    parts_.in_flight.OnPiece(piece, ends_line);
  }
  void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) override {
    parts_.in_flight.OnLine(facts, head, head_is_whole);
  }
  void OnProbeAnswered() override { parts_.in_flight.OnProbeAnswered(); }
  void OnInterruptAnswered(const std::vector<std::string>& dropped) override {
    parts_.in_flight.OnInterruptAnswered(dropped);
  }
  void OnInterruptRefused() override { parts_.in_flight.OnInterruptRefused(); }
  void OnRequest(const std::string& request_id, absl::string_view line) override;
  void OnRequestWithdrawn(const std::string& request_id) override {
    parts_.requests.Withdraw(request_id);
  }
  void OnDeaf() override;
  void OnStderr(absl::string_view bytes) override;
  void OnExited(const absl::StatusOr<ExitStatus>& how, bool was_starting) override;
  void OnGone() override;

  // The claim of the child that is to get a tell was looked at.
  void OnTellHeld(const absl::Status& held);
  // The child that was starting has ended: its session exists, where nothing here finds it.
  void GoOnElsewhere();
  // It has a process.
  v1::ChildInfo Info() const;
  // Since when nothing was asked, if nothing is.
  absl::Duration IdleFor() const { return absl::Now() - idle_since_; }

  EventLoop& loop_;
  const SessionContext& context_;
  const std::string id_;
  const Parts parts_;
  LiveChildSink& sink_;
  const Text who_;
  LoopTimer idle_timer_;
  absl::Time idle_since_;
  bool writing_ = false;  // WriteNextTell() waits for the claim.
  bool lingers_ = false;  // It is gone, and its tell is being settled.
  ChildNote note_;
  ChildStart start_;
  std::unique_ptr<ClaudeChild> child_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_LIVE_CHILD_H_
