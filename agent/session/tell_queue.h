#ifndef IRIS_AGENT_SESSION_TELL_QUEUE_H_
#define IRIS_AGENT_SESSION_TELL_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/replay.h"
#include "agent/session/session_log.h"
#include "agent/session/tell_ledger.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// A session's tells, from their acceptance to the one event that says how each came out; in order.
// What an event says, the ledger has too. Lives on the process loop.
//
//                 ┌─ textless (an earlier agent had its text) ◀───┐
//                 ▼                                               │ not begun
//   accepted ─ waiting ── WriteNext ──▶ written ─ (agent lost) ─ lost
//                 └───────── Settle ──▶ settled ◀── Settle ───────┘
//
// None is written before the transcript was asked where that may have it, nor twice; what is
// settled never waits again.
class TellQueue {
 public:
  using Phase = v1::TellState::Phase;
  using CancelDone = absl::AnyInvocable<void(const absl::StatusOr<Phase>&)>;
  using Text = std::function<std::string()>;

  static constexpr size_t kTellBytesMax = 8 << 20;
  static constexpr size_t kTellsWaitingMax = 1000;
  static constexpr size_t kWaitingBytesMax = 64 << 20;
  static constexpr size_t kOvertakenMax = 1000;

  // `check_room`: whether the disk has room for what would be said. `who`: the session's claude,
  // for people. `on_asked`: an answer of the transcript has come, after AskTranscript() had
  // returned. All of them outlive the queue.
  TellQueue(TellLedger& ledger, SessionLog& log, Replay& replay,
            std::function<absl::Status()> check_room, Text who,
            std::function<void()> on_asked = nullptr)
      : ledger_(ledger),
        log_(log),
        replay_(replay),
        check_room_(std::move(check_room)),
        who_(std::move(who)),
        on_asked_(std::move(on_asked)) {}

  // ------------------------------------------------------------------ what earlier agents left
  // Tells that were written may have been answered: they are lost until SettleLost(). The texts of
  // the others come again.
  void Recover();
  // The child goes on, with this tell in flight or none (""). The texts of the others come again.
  void RecoverBeside(absl::string_view in_flight);
  // Or they were handed over.
  void TakeTexts(const handover::Session& before);
  void HandOver(handover::Session& state) const;
  // The child that they were written to is gone: AskTranscript() looks them up from now on, one
  // after the other and before all else. They come to what the transcript says of them, and else
  // wait before all others, or for their text, or, `closed` (then or later), are cancelled.
  void SettleLost(bool closed);
  // Some of them are still to be looked up.
  bool is_settling_lost() const { return lost_are_over_ && !lost_.empty(); }
  bool is_cancelling_lost() const;
  // A claude is ready: what it has of those that were lost, its transcript says.
  void OnChildReady() { maybe_read_.clear(); }
  // The conversation is where nobody finds its transcript: those that were lost and wait again,
  // with their text or without, are settled so.
  void SettleMaybeRead(const absl::Status& outcome);

  // ------------------------------------------------------------------------------ taking a tell
  enum class Offered {
    kNothing,  // It is known, or settled at once: nothing follows.
    kAsks,     // The transcript is asked how it came out: AskTranscript().
    kWaits,    // It waits: AskTranscript(), then WriteNext().
    kNotOpened,
  };
  // Takes a tell. `opened`: an Open came. `repeat`: it may have been sent before; unless it waits
  // here already, the transcript is asked before claude gets it, once no other turn is under way. A
  // known id never runs again, and changes nothing, but
  // - where its text died with an earlier agent, it is taken like a repeated one;
  // - where it is settled, and the sender has no event to read that says so, it is settled again by
  //   the transcript, once no other turn is under way;
  // - without `repeat` it is new to the sender, whose store is older than what happened here, and
  //   who may have read of it before: a settled one is settled again. (Of one in flight see
  //   InFlight::OweWhole().)
  // `begun`: its sender has read that claude had it. Where nothing here says how far that came, it
  // is settled as FAILURE_AMBIGUOUS in the place of being run.
  //
  // One that cannot be taken is settled at once: FAILURE_BAD_REQUEST, the text is not UTF-8 or too
  // long; FAILURE_BUSY_LIMIT, kTellsWaitingMax or kWaitingBytesMax wait already; FAILURE_STORAGE,
  // the disk has no room for what would be said.
  Offered Offer(const std::string& tell_id, std::string text, bool repeat, bool begun, bool opened);
  // Looks up what waits for that, and lost ones. Not while the transcript grows by a tell's turn:
  // what is told anew in the middle of another turn would end that one for its reader. While
  // is_asking(), no tell may be written: on_asked() comes, and asks on.
  void AskTranscript();
  bool is_asking() const { return is_asking_; }

  // ------------------------------------------------------------------------------------ its end
  bool any_waits() const { return !waiting_.empty(); }
  struct Next {
    std::string id;
    std::string text;
  };
  // Takes the oldest one that waits, and says that it is written: to claude, by whoever calls.
  Next WriteNext();
  // How it came out, once: of one that is settled already nothing is said.
  void Settle(const std::string& tell_id, const absl::Status& outcome);
  // All that wait with their text, and those without.
  void SettleWaiting(const absl::Status& outcome);
  void SettleTextless(const absl::Status& outcome);
  // One that is not in flight is settled as FAILURE_CANCELLED, a lost one when it was looked up.
  // `done` when it is, with what it was before (unspecified: unknown here, and settled before it
  // comes). True: its child of an earlier agent is to be ended for that.
  bool Cancel(const std::string& tell_id, CancelDone done);

  Phase PhaseOf(absl::string_view tell_id) const { return ledger_.PhaseOf(tell_id); }
  std::vector<v1::TellState> Open() const { return ledger_.Open(); }
  // What readers have up to `seq` says nothing new to anybody.
  void ForgetOutcomesUpTo(uint64_t seq) { ledger_.ForgetOutcomesUpTo(seq); }
  void Describe(v1::SessionInfo& info) const;

 private:
  struct Waiting {
    std::string id;
    std::string text;
    bool ask_transcript = false;  // First, by AskTranscript().
    bool begun = false;           // As its sender read.
    bool was_lost = false;        // It was accepted before those that were not.
  };
  // Written by an earlier agent, and not settled.
  struct Lost {
    std::string id;
    bool has_text = false;  // It came again.
    std::string text;
    bool begun = false;  // As Waiting has it.
    std::vector<CancelDone> cancelled;
  };

  absl::Status CheckText(absl::string_view text) const;
  // A text of this size waits no more.
  void ForgetText(size_t bytes);
  // `tell_id` is settled, and its sender has read that or is about to.
  bool HearsOutcome(const std::string& tell_id, bool repeat, bool opened);
  // True if `tell_id` is to be taken like a new one: its text died with an earlier agent. A lost
  // one may need it later.
  bool TakeTextOfKnown(const std::string& tell_id, std::string& text, bool begun);
  void Accept(const std::string& tell_id);
  void Wait(Waiting tell);
  // Looks up one of those that wait for it. False: there are none.
  bool AskNext();
  void Ask(const std::string& tell_id, Replay::Looked then);
  void OnAsked(const std::string& tell_id, const Replay::Turn& turn);
  // A coordinator whose store is older than what happened here: it was put back from a copy.
  void SettleAgain(const std::string& tell_id, const Replay::Turn& turn);
  // False: claude has not begun it, and may get it.
  bool SettledByTranscript(const std::string& tell_id, const Replay::Turn& turn,
                           const absl::Status& unless_ended = absl::OkStatus());
  // Where the transcript has nothing of a tell that claude had begun. False: it had not.
  bool SettledAsBegun(const std::string& tell_id, bool begun);
  // The oldest one was looked up.
  void SettleOneLost(const Replay::Turn& turn);
  // claude has not begun it.
  void WaitAgain(Lost lost);

  TellLedger& ledger_;
  SessionLog& log_;
  Replay& replay_;
  const std::function<absl::Status()> check_room_;
  const Text who_;
  const std::function<void()> on_asked_;
  bool is_asking_ = false;
  bool in_ask_transcript_ = false;
  std::deque<Waiting> waiting_;
  size_t text_bytes_ = 0;       // Of waiting_ and lost_.
  std::deque<Lost> lost_;       // Oldest first.
  bool lost_are_over_ = false;  // Their child is gone,
  bool lost_closed_ = false;    // and was, or is by now, to be closed.
  // They were lost, and no transcript was found that has them.
  std::set<std::string> maybe_read_;
  std::set<std::string> textless_;      // Accepted by an earlier agent; their text comes again.
  std::set<std::string> settle_again_;  // By AskTranscript(). Bounded: the ledger knows them.
  std::deque<std::string> overtaken_;   // By their cancel, and not sent yet.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_TELL_QUEUE_H_
