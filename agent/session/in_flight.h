#ifndef IRIS_AGENT_SESSION_IN_FLIGHT_H_
#define IRIS_AGENT_SESSION_IN_FLIGHT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/claude_child.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/transcript.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/child_end.h"
#include "agent/session/open_requests.h"
#include "agent/session/replay.h"
#include "agent/session/session_log.h"
#include "agent/session/tell_queue.h"
#include "agent/session/turn.h"
#include "agent/session/turn_watch.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Hears how the tell in flight comes out.
class InFlightSink {
 public:
  virtual ~InFlightSink() = default;
  // It is settled, and the transcript does not grow by its turn any more.
  virtual void OnTellSettled() = 0;
  // Its turn ended, and claude may get another tell.
  virtual void OnTurnOver() = 0;
  // claude does not answer: it has to be ended.
  virtual void OnWedged() = 0;
};

// The tell that claude works on, if there is one, from its line to its outcome: reads what claude
// says of it, looks after claude when that says nothing, and settles it once. Lives on the process
// loop.
//
//   none ── Begin ──▶ in flight ── result, idle, cancelled, Fail ──▶ settled ──▶ none
class InFlight final : private TurnWatchSink {
 public:
  using CancelDone = TellQueue::CancelDone;
  using Text = std::function<std::string()>;

  // All of them outlive this. `who`: the session's claude, for people.
  InFlight(EventLoop& loop, SessionLog& log, Replay& replay, TellQueue& queue, ChildEnd& end,
           const OpenRequests& requests, InFlightSink& sink, Text who)
      : loop_(loop),
        log_(log),
        replay_(replay),
        queue_(queue),
        end_(end),
        requests_(requests),
        sink_(sink),
        who_(std::move(who)),
        watch_(loop, *this) {}

  // The child that runs, until it is another one. Null: none does.
  void SetChild(ClaudeChild* child);

  // The oldest tell that waits is written; the child is ready, and none is in flight.
  void WriteNext();
  bool any() const { return turn_ != nullptr; }
  bool Is(absl::string_view tell_id) const { return any() && turn_->tell_id() == tell_id; }
  // "": none.
  std::string tell_id() const { return any() ? turn_->tell_id() : ""; }
  // Whoever sent it may not have read how it began: it is replayed whole at its end.
  void OweWhole() { turn_->OweWhole(); }
  // What it waits for from a person comes no more, and claude takes that for a no.
  void LosePermission();
  // `done` when it is settled. claude is interrupted, and given up if it does not stop within
  // `patience`.
  void Cancel(CancelDone done, absl::Duration patience);
  // Its child is gone or given up, because of `why`: so it failed, unless it was being cancelled
  // or, not `asked`, the transcript has the whole answer. Nothing where none is in flight.
  void Fail(const absl::Status& why, bool asked);
  // The child has ended: what is waited for in its transcript is there now, or never.
  void OnChildExited();

  // What claude says, as ClaudeSink has it.
  void OnPiece(absl::string_view piece, bool ends_line);
  void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole);
  void OnProbeAnswered();
  void OnInterruptAnswered(const std::vector<std::string>& dropped);
  void OnInterruptRefused();

  void Describe(v1::SessionInfo& info) const;
  TurnWatch& watch() { return watch_; }
  const TurnWatch& watch() const { return watch_; }

  // Empty: it can go on in another program. Else why not, for people.
  std::string WhyNoHandover() const;
  void HandOver(handover::Session& state) const;
  // What was handed over goes on; the child is set.
  void AdoptHandover(const handover::Session& before);

 private:
  void OnSilent() override;
  void OnIdleCheck() override;

  bool child_is_ready() const {
    return child_ != nullptr && child_->state() == ClaudeChild::State::kReady;
  }
  std::unique_ptr<Turn> NewTurn(const std::string& tell_id);
  // claude takes it up: what it said since the tell was written is no answer to it, and void for
  // readers.
  void BeginAnswer();
  void OnResult(const LineFacts& facts, absl::string_view line);
  // Its turn has ended.
  void End(const absl::Status& outcome);
  void Settle(const absl::Status& outcome);
  // claude does not let itself be interrupted.
  void EndInterrupted(const std::string& why);
  void AskWhetherItLives();
  // An interrupt and a transcript that is waited for have limits of their own.
  bool MayBeIdle() const;
  // claude is idle, as it seems, and its transcript has `turn`. `is_over`: for certain.
  void SettleIdle(const Replay::Turn& turn, bool is_over);
  // Of a turn that ended well, in the transcript.
  void LookForAnswer(bool last_time);
  void EndByTranscript(const Replay::Turn& turn, bool last_time);
  // Replays to readers what the transcript has of it.
  void ReplayTranscript(const TranscriptTurn& turn, absl::string_view reason);

  EventLoop& loop_;
  SessionLog& log_;
  Replay& replay_;
  TellQueue& queue_;
  ChildEnd& end_;
  const OpenRequests& requests_;
  InFlightSink& sink_;
  const Text who_;
  TurnWatch watch_;
  ClaudeChild* child_ = nullptr;
  std::unique_ptr<Turn> turn_;  // Null: none is in flight.
  bool is_looking_ = false;     // In the transcript, since claude seems idle.
  uint64_t said_ = 0;           // Pieces of output, to see whether there was any.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_IN_FLIGHT_H_
