#ifndef IRIS_AGENT_SESSION_IN_FLIGHT_H_
#define IRIS_AGENT_SESSION_IN_FLIGHT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
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
//   none ── WriteNext ──▶ open ── result, idle, cancelled, Fail ──▶ settled ──▶ none
//                           └── the same ──▶ settling ── transcript ────▲
//
// It is settling while its transcript is read that has a say in how it came out (Replay::kWithin at
// most): nothing else changes that any more, no other tell is written, and it is still in flight
// for whoever asks, be its child gone.
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

  // The child that runs, until it is another one. Null: none does, and a tell may be settling.
  void SetChild(ClaudeChild* child);

  // The oldest tell that waits is written; the child is ready, and none is in flight.
  void WriteNext();
  bool any() const { return turn_ != nullptr; }
  bool is_settling() const { return settling_.has_value(); }
  bool Is(absl::string_view tell_id) const { return any() && turn_->tell_id() == tell_id; }
  // "": none.
  std::string tell_id() const { return any() ? turn_->tell_id() : ""; }
  // Whoever sent it may not have read how it began: it is replayed whole at its end.
  void OweWhole() { turn_->OweWhole(); }
  // What it waits for from a person comes no more, and claude takes that for a no.
  void LosePermission();
  // `done` when it is settled. claude is interrupted, and given up if it does not stop within
  // `patience`; not of one that is settling.
  void Cancel(CancelDone done, absl::Duration patience);
  // Its child is gone or given up, because of `why`: so it failed, unless it was being cancelled
  // or, not `asked`, the transcript has the whole answer. Nothing where none is open.
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
  // What follows when it is settled.
  enum class Then { kNothing, kTurnOver, kWedged };
  using OutcomeBy = absl::AnyInvocable<absl::Status(const Replay::Turn&)>;
  struct Settling {
    OutcomeBy outcome_by;
    Then then = Then::kNothing;
  };

  void OnSilent() override;
  void OnIdleCheck() override;

  // Something may still decide how it comes out.
  bool is_open() const { return any() && !is_settling(); }
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
  // It came to `outcome`: at once, or, where all of it is to be replayed, when that is read.
  void Settle(const absl::Status& outcome, Then then);
  // What it came to says its transcript.
  void SettleByTranscript(OutcomeBy outcome_by, Then then);
  void OnTranscript(const Replay::Turn& turn);
  void Finish(const absl::Status& outcome, Then then);
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
  // Where `turn` is whole, it is what readers get, and its result line is behind it.
  void ReplayAnswer(const Replay::Turn& turn, const std::string& result_line);
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
  std::optional<Settling> settling_;
  bool is_looking_ = false;  // In the transcript, since claude seems idle.
  uint64_t said_ = 0;        // Pieces of output, to see whether there was any.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_IN_FLIGHT_H_
