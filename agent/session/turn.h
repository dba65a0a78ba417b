#ifndef IRIS_AGENT_SESSION_TURN_H_
#define IRIS_AGENT_SESSION_TURN_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/claude/limit_watch.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/said.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/loop_timer.h"
#include "agent/session/tell_queue.h"
#include "common/loop/event_loop.h"

namespace iris {

// What a session knows of the tell in flight, from its line to its end, and of no other one: whose
// result comes, what was said, and whether it is being cancelled. Lives on the process loop.
//
//   written ── claude repeats the line ──▶ answers ── its result ──▶ over
//
// A tell that is being cancelled is over when claude has answered the interrupt and the turn has
// ended: an interrupt that is still under way would hit the next one.
class Turn {
 public:
  using CancelDone = TellQueue::CancelDone;
  using Text = std::function<std::string()>;

  // `who`: the session's claude, for people.
  Turn(EventLoop& loop, std::string tell_id, Text who)
      : tell_id_(std::move(tell_id)),
        who_(std::move(who)),
        interrupt_timer_(loop),
        await_timer_(loop) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  const std::string& tell_id() const { return tell_id_; }

  // ------------------------------------------------------------------------------ what is said
  enum class Heard {
    kNothing,
    kTakenUp,  // claude takes the tell up with this line: from here on it answers.
    kResult,   // Of this turn or another one: ReadResult().
  };
  // A line of claude's that is no control line; `line` is empty where it was too long to be kept.
  Heard OnLine(const LineFacts& facts, absl::string_view line);
  // Before it took the tell up, claude said something else. (Asked once.)
  bool SpokeBefore() { return std::exchange(spoke_before_, false); }

  struct Result {
    enum class Kind {
      kNotOurs,
      kOver,             // With `outcome`.
      kAwaitTranscript,  // It ended well, and its text is not whole: AwaitTranscript().
    };
    Kind kind = Kind::kNotOurs;
    absl::Status outcome;
  };
  // `text_lost`: a line of the answer was broken. `closed`: claude is being ended by a Close.
  Result ReadResult(const LineFacts& facts, absl::string_view line, bool text_lost, bool closed);
  const LimitWatch& limit() const { return limit_; }
  const Said& said() const { return said_; }

  // claude was cut off while it waited for a permission, and takes that for a no.
  void LosePermission() { permission_lost_ = true; }
  bool permission_lost() const { return permission_lost_; }

  // Who sent the tell may not have read how the turn began: all of it is replayed at its end.
  void OweWhole() { owes_whole_ = true; }
  void OnReplayedWhole() { owes_whole_ = false; }
  bool owes_whole() const { return owes_whole_; }

  // The turn has ended well, and its transcript is waited for: `look` is called twice, a second and
  // five seconds from now, the last time with true. `result_line`: where it is short.
  void AwaitTranscript(absl::string_view result_line, std::function<void(bool last_time)> look);
  bool awaits_transcript() const { return awaited_for_.has_value(); }
  // It is there, or nobody waits any longer. Returns the result line.
  std::string EndAwaiting();

  // -------------------------------------------------------------------------------- cancelling
  // `done` when the tell is settled. True: claude has to be interrupted, and nobody has done so.
  bool Cancel(CancelDone done);
  bool is_being_cancelled() const { return cancelled_; }
  // claude was asked to stop. `on_late`: it has not, for `patience`.
  void AwaitInterrupt(absl::Duration patience, EventLoop::Task on_late);
  // It has answered that; `dropped`: what it had not begun. What the turn has come to, if it is
  // over.
  std::optional<absl::Status> OnInterruptAnswered(const std::vector<std::string>& dropped);
  // The turn has come to `outcome`. False: that counts when the interrupt is answered.
  bool MayEnd(const absl::Status& outcome);
  // What it has come to by its interrupt, or this.
  absl::Status OutcomeOr(const absl::Status& outcome) const { return outcome_.value_or(outcome); }
  // `why` it failed, unless it was being cancelled.
  absl::Status UnlessCancelled(const absl::Status& why) const;
  // For whom it was cancelled; they hear that it is settled.
  std::vector<CancelDone> TakeCancels() { return std::move(cancel_done_); }

  void HandOver(handover::Session& state) const;
  void AdoptHandover(const handover::Session& before);

 private:
  const std::string tell_id_;
  const Text who_;
  bool replay_seen_ = false;  // claude has repeated its line.
  bool spoke_before_ = false;
  bool permission_lost_ = false;
  bool owes_whole_ = false;
  LimitWatch limit_;
  Said said_;
  std::optional<std::string> awaited_for_;

  bool cancelled_ = false;
  bool awaits_interrupt_ = false;        // claude was asked to stop, and has not answered.
  std::optional<absl::Status> outcome_;  // The turn is over already.
  std::vector<CancelDone> cancel_done_;
  LoopTimer interrupt_timer_;
  LoopTimer await_timer_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_TURN_H_
