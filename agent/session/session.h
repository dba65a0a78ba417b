#ifndef IRIS_AGENT_SESSION_SESSION_H_
#define IRIS_AGENT_SESSION_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/session_context.h"
#include "agent/journal/journal.h"
#include "agent/process/child.h"
#include "agent/process/strays.h"
#include "agent/process/survivor.h"
#include "agent/session/child_end.h"
#include "agent/session/held_claim.h"
#include "agent/session/idle_watch.h"
#include "agent/session/in_flight.h"
#include "agent/session/lease.h"
#include "agent/session/live_child.h"
#include "agent/session/open_requests.h"
#include "agent/session/recovery.h"
#include "agent/session/replay.h"
#include "agent/session/session_files.h"
#include "agent/session/session_log.h"
#include "agent/session/session_reader.h"
#include "agent/session/session_spec.h"
#include "agent/session/stall.h"
#include "agent/session/tell_queue.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// One conversation with one `claude` session id: its lease, its child, the tells that wait for it,
// and the journal of what happened. Lives on the process loop.
//
//   child:  none ── Open, Tell ──▶ starting ── initialize answered ──▶ ready ──▶ closing ──▶ none
//           draining (a child of an earlier agent finishes its turn) ──▶ none
//   tell:   accepted ──▶ written (one at a time) ──▶ settled
//
// All of it outlives the agent, but for what claude asks and nobody has answered (OpenRequests):
// with the pipe to it that is a no. A tell whose child is gone with an earlier agent is settled by
// what claude's transcript says of it, or written again if claude never began it.
class Session final : private LiveChildSink,
                      private RequestSink,
                      private InFlightSink,
                      private RecoverySink {
 public:
  using OpenDone = absl::AnyInvocable<void(const absl::StatusOr<v1::OpenResponse>&)>;
  using CloseDone = absl::AnyInvocable<void(bool was_running)>;
  using CancelDone = TellQueue::CancelDone;

  // Goes on with what is in `files`. A child of an earlier agent is waited for: the one that is
  // noted there, or the one below `stray_keeper`, where the files were lost too. `before`: what the
  // same session said in HandOver() to the program that this process ran before; its child goes on.
  Session(EventLoop& loop, const SessionContext& context, std::string session_id,
          std::unique_ptr<SessionFiles> files, ProcessId stray_keeper = {},
          const handover::Session* before = nullptr, ChildStarter start_child = Child::Start,
          StrayKiller kill_strays = KillStrays);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // As Lease::Acquire(). The readers of a lease that is over still get all of the tells that are
  // open now.
  absl::StatusOr<uint64_t> Acquire(const v1::AcquireRequest& request);
  // What was granted last: holder, label, epoch.
  const saved::State& lease() const { return lease_.state(); }
  // FAILURE_PERMISSION_DENIED: not the epoch in force.
  absl::Status CheckEpoch(uint64_t epoch) const { return lease_.CheckEpoch(epoch); }

  // Starts the child unless one runs, after a survivor has gone; `done` when it answers, or with
  // why it does not. One that is outdated by `spec` (SessionSpec::IsOutdated()) is ended first; in
  // a turn `done` gets it as it is, and it is ended behind the turn, before it could get another
  // tell. `takeover`: a person asked for it. As Renew(), and FAILURE_WRONG_HOST: another host that
  // shares this home has claimed the session, and not `takeover`.
  void Open(const v1::LaunchSpec& spec, OpenDone done, bool takeover = false);
  absl::Status Renew(const v1::LaunchSpec& spec) { return spec_.Renew(spec); }

  // Takes a tell, as TellQueue::Offer() says; its outcome arrives as a `settled` event. One in
  // flight that its sender does not know of is replayed whole at its end. FAILURE_BAD_REQUEST:
  // the peer's mistake, and nothing is recorded: the session was not opened yet, or the id is not a
  // UUID.
  absl::Status Tell(const std::string& tell_id, std::string text, bool repeat = false,
                    bool begun = false);

  // Ends one tell and leaves the others alone: settled as FAILURE_CANCELLED, unless its turn ends
  // by itself first (TellQueue::Cancel(), InFlight::Cancel()). FAILURE_BAD_REQUEST: not a UUID.
  void CancelTell(const std::string& tell_id, CancelDone done);
  // How long an interrupted child may take: 10 s, less in tests.
  void set_cancel_patience(absl::Duration patience) { cancel_patience_ = patience; }
  // What the child asks and nobody has answered, oldest first.
  std::vector<v1::PendingRequest> pending_requests() const { return requests_.open(); }
  // As OpenRequests::Answer().
  absl::StatusOr<v1::AnswerRequestResponse> AnswerRequest(const std::string& request_id,
                                                          absl::string_view answer) {
    return requests_.Answer(request_id, answer);
  }
  // For tests, before the first tell.
  void set_stall_limits(const StallLimits& limits) { in_flight_.watch().set_stall_limits(limits); }
  void set_idle_limits(const IdleLimits& limits) { in_flight_.watch().set_idle_limits(limits); }

  // Ends the child and its descendants: EOF on stdin, after `grace` SIGTERM, after another SIGKILL.
  // A survivor of an earlier agent is ended at once. Tells and Opens that wait are cancelled.
  // `done` when nothing is left, and the transcript has said what became of tells that a survivor
  // had.
  void Close(absl::Duration grace, CloseDone done);

  // Whether another program of this process could go on with the session now: "" or, for people,
  // what has to end first. Ends by itself, but for a disk that stays full.
  std::string WhyNoHandover() const;
  // What the files do not say, for that program; none: they say all. Changes nothing here.
  std::optional<handover::Session> HandOver() const;

  void AddReader(SessionReader* reader) { log_.AddReader(reader); }
  void RemoveReader(SessionReader* reader) { log_.RemoveReader(reader); }
  // One of them was sent events, other than in OnNewEvents().
  void OnReaderSent() { log_.OnReaderSent(); }
  // A reader begins behind `seq`: what it asks for again is not among what it has read.
  void OnReaderBehind(uint64_t seq) { queue_.ForgetOutcomesUpTo(seq); }
  // A reader has stored everything up to `seq`.
  void Acknowledge(uint64_t seq) {
    queue_.ForgetOutcomesUpTo(seq);
    log_.Acknowledge(seq);
  }
  // Nothing is kept any more for readers of earlier leases: what is acknowledged goes.
  void ForgetFencedReaders() { log_.ForgetFencedReaders(); }
  const Journal& journal() const { return log_.journal(); }

  v1::SessionState state() const {
    return recovery_.is_draining() ? v1::SESSION_DRAINING : child_.state();
  }
  v1::SessionInfo Info() const;
  std::vector<v1::TellState> OpenTells() const { return queue_.Open(); }
  const std::string& team() const { return spec_.newest().team(); }
  // Open() came, in this life of the agent or another.
  bool opened() const { return spec_.opened(); }
  bool has_child() const { return child_.exists(); }
  // A child or a survivor runs, or a tell is open.
  bool active() const { return !is_free() || !OpenTells().empty(); }
  // Nobody waits for anything here: no child, no survivor, no reader, and no tell whose text is
  // here. (One whose text died with an earlier agent may wait for ever.)
  bool deserted() const {
    return is_free() && log_.reader_count() == 0 && !queue_.any_waits() && opening_.empty() &&
           !queue_.is_asking();
  }
  // The host's age when its lease was granted or its child came or went last.
  absl::Duration used_at() const { return absl::Milliseconds(files_->state().used_age_ms()); }
  const HeldClaim& claim() const { return claim_; }

 private:
  void OnChildReady() override;
  void OnStartFailed(const absl::Status& why) override;
  void OnChildGone() override { GoOn(); }
  void OnTellSettled() override {
    AskTranscript();
    child_.OnTellSettled();
  }
  void OnTurnOver() override { child_.WriteNextTell(); }
  void OnWedged() override { child_.End(absl::ZeroDuration(), v1::Exited::WEDGED); }
  void OnDecision(const std::string& id, const std::string& it) override { child_.Decide(id, it); }
  void OnRefusal(const std::string& id, const std::string& why) override { child_.Refuse(id, why); }
  void OnAsked(const std::string& id, const std::string& what) override {
    in_flight_.watch().OnAsked(id, what);
  }
  void OnAnswered(const std::string& id) override { in_flight_.watch().OnAnswered(id); }
  void OnDraining(absl::string_view why) override { in_flight_.watch().OnDraining(why); }
  void OnSurvivorGone() override;

  // Neither a child nor a survivor runs: one may be started.
  bool is_free() const { return !child_.exists() && !recovery_.is_draining(); }
  bool is_ready() const { return child_.phase() == LiveChild::Phase::kReady; }
  // Nothing runs any more, or an answer of the transcript has come: whoever waits for the end of
  // all hears of it, and the next child is started if somebody waits for it.
  void GoOn();
  // Looks up what waits for that, unless the transcript still grows by a tell's turn.
  void AskTranscript();
  // Starts a child if somebody waits for it, or writes the next tell, if it can get any.
  void StartNext();

  const std::string id_;
  const std::function<std::string()> who_ = [this] { return spec_.Who(); };
  const std::unique_ptr<SessionFiles> files_;
  SessionLog log_;
  Lease lease_;
  SessionSpec spec_;
  HeldClaim claim_;
  Replay replay_;
  TellQueue queue_;
  Recovery recovery_;
  OpenRequests requests_;
  ChildEnd end_;  // Of the newest child, and of those before it.
  InFlight in_flight_;
  LiveChild child_;
  std::vector<OpenDone> opening_;
  std::vector<CloseDone> closing_;
  absl::Duration cancel_patience_ = absl::Seconds(10);
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_H_
