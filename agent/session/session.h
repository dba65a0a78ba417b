#ifndef IRIS_AGENT_SESSION_SESSION_H_
#define IRIS_AGENT_SESSION_SESSION_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/handover/handover.pb.h"
#include "agent/journal/journal.h"
#include "agent/process/child.h"
#include "agent/process/strays.h"
#include "agent/process/survivor.h"
#include "agent/session/child_requests.h"
#include "agent/session/claim.h"
#include "agent/session/fenced_readers.h"
#include "agent/session/identity.h"
#include "agent/session/idle_watch.h"
#include "agent/session/launch.h"
#include "agent/session/line_scanner.h"
#include "agent/session/session_files.h"
#include "agent/session/session_reader.h"
#include "agent/session/stall.h"
#include "agent/session/turn.h"
#include "common/json/peer_json.h"
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
// All of it outlives the agent. A tell whose child is gone with an earlier agent is settled by what
// claude's transcript says of it, or written again if claude never began it.
class Session final : private ChildSink, private LineScannerSink {
 public:
  using OpenDone = absl::AnyInvocable<void(const absl::StatusOr<v1::OpenResponse>&)>;
  using CloseDone = absl::AnyInvocable<void(bool was_running)>;
  using CancelDone = Turn::CancelDone;

  static constexpr size_t kTellBytesMax = 8 << 20;
  static constexpr size_t kTellsWaitingMax = 1000;
  static constexpr size_t kWaitingBytesMax = 64 << 20;

  // Goes on with what is in `files`. A child of an earlier agent is waited for: the one that is
  // noted there, or the one below `stray_keeper`, where the files were lost too. `before`: what the
  // same session said in HandOver() to the program that this process ran before; its child goes on.
  Session(EventLoop& loop, const AgentIdentity& identity, std::string session_id,
          std::unique_ptr<SessionFiles> files, ProcessId stray_keeper = {},
          const handover::Session* before = nullptr, ChildStarter start_child = Child::Start,
          StrayKiller kill_strays = KillStrays);
  ~Session() override;

  // Grants the lease and returns its epoch, which is durable then, by the condition in `request`.
  // Where it goes to another coordinator, the readers of the one before still get all of the tells
  // that are open now.
  // FAILURE_PERMISSION_DENIED: another coordinator holds it, named with its label. FAILURE_STORAGE:
  // it could not be stored, and the holder stays.
  absl::StatusOr<uint64_t> Acquire(const v1::AcquireRequest& request);
  // What was granted last: holder, label, epoch.
  const saved::State& lease() const { return files_->state(); }
  // FAILURE_PERMISSION_DENIED: not the epoch in force.
  absl::Status CheckEpoch(uint64_t epoch) const;

  // Starts the child unless one runs, after a survivor has gone; `done` when it answers, or with
  // why it does not. One that was started otherwise than `spec` says (LaunchesAlike()), or in
  // another directory than its cwd leads to now, is ended first; in a turn `done` gets it as it is,
  // and it is ended behind the turn, before it could get another tell. (Where the cwd leads is
  // looked at before every tell, unless it is on a network file system.) FAILURE_STORAGE: `spec`
  // could not be stored. FAILURE_BAD_REQUEST: its environment is too large. FAILURE_WRONG_HOST:
  // another host that shares this home has claimed the session, and not `takeover`: a person asked
  // for it.
  void Open(const v1::LaunchSpec& spec, OpenDone done, bool takeover = false);
  // What is started next is started by `spec`, as after Open(); a child that runs gets no further
  // tell if it was started otherwise. Starts nothing. FAILURE_STORAGE: it could not be stored.
  // FAILURE_BAD_REQUEST: its environment is too large.
  absl::Status Renew(const v1::LaunchSpec& spec);

  // Takes a tell; its outcome arrives as a `settled` event. `repeat`: it may have been sent before;
  // unless it waits here already, the transcript is asked before claude gets it, once no other turn
  // is under way. A known id never runs again, and changes nothing, but
  // - where its text died with an earlier agent, it is taken like a repeated one;
  // - where it is settled, and the sender has no event to read that says so, it is settled again by
  //   the transcript, once no other turn is under way;
  // - without `repeat` it is new to the sender, whose store is older than what happened here, and
  //   who may have read of it before: one in flight is told anew, whole, at its end; a settled one
  //   is settled again.
  // `begun`: its sender has read that claude had it. Where nothing here says how far that came, it
  // is settled as FAILURE_AMBIGUOUS in the place of being run.
  //
  // One that cannot be taken is settled at once: FAILURE_BAD_REQUEST, the text is not UTF-8 or too
  // long; FAILURE_BUSY_LIMIT, kTellsWaitingMax or kWaitingBytesMax wait already; FAILURE_STORAGE,
  // the disk has no room for what would be said.
  //
  // FAILURE_BAD_REQUEST here is the peer's mistake, and nothing is recorded: the session was not
  // opened yet, or the id is not a UUID.
  absl::Status Tell(const std::string& tell_id, std::string text, bool repeat = false,
                    bool begun = false);

  // Ends one tell and leaves the others alone: settled as FAILURE_CANCELLED, unless its turn ends
  // by itself first. One that waits is never written; one in flight is interrupted, and its child
  // ended if it does not stop in time. `done` when it is settled, with what it was before
  // (unspecified: unknown here, and settled before it comes). FAILURE_BAD_REQUEST: not a UUID.
  void CancelTell(const std::string& tell_id, CancelDone done);
  // How long an interrupted child may take: 10 s, less in tests.
  void set_cancel_patience(absl::Duration patience) { cancel_patience_ = patience; }
  // What the child asks and nobody has answered, oldest first.
  std::vector<v1::PendingRequest> pending_requests() const { return requests_.open(); }
  // Answers one of them, as CompleteAnswer() (child_requests.h) takes it; one that was answered
  // stays as it was. FAILURE_BAD_REQUEST: it does not wait any more, or this is no answer.
  absl::StatusOr<v1::AnswerRequestResponse> AnswerRequest(const std::string& request_id,
                                                          absl::string_view answer);
  // For tests, before the first tell.
  void set_stall_limits(const StallLimits& limits);
  void set_idle_limits(const IdleLimits& limits);

  // Ends the child and its descendants: EOF on stdin, after `grace` SIGTERM, after another SIGKILL.
  // A survivor of an earlier agent is ended at once.
  // Tells and Opens that wait are cancelled. `done` when nothing is left.
  void Close(absl::Duration grace, CloseDone done);

  // Whether another program of this process could go on with the session now: "" or, for people,
  // what has to end first. Ends by itself, but for a disk that stays full.
  std::string WhyNoHandover() const;
  // What the files do not say, for that program; none: they say all. Changes nothing here.
  std::optional<handover::Session> HandOver() const;

  void AddReader(SessionReader* reader) { readers_.insert(reader); }
  void RemoveReader(SessionReader* reader);
  // One of them was sent events, other than in OnNewEvents().
  void OnReaderSent();
  // A reader begins behind `seq`: what it asks for again is not among what it has read.
  void OnReaderBehind(uint64_t seq) { files_->tells().ForgetOutcomesUpTo(seq); }
  // A reader has stored everything up to `seq`.
  void Acknowledge(uint64_t seq);
  // Nothing is kept any more for readers of earlier leases: what is acknowledged goes.
  void ForgetFencedReaders();
  const Journal& journal() const { return files_->journal(); }

  v1::SessionState state() const;
  v1::SessionInfo Info() const;
  std::vector<v1::TellState> OpenTells() const;
  const std::string& team() const { return spec_.team(); }
  // Open() came, in this life of the agent or another.
  bool opened() const { return files_->launch() != nullptr; }
  bool has_child() const { return child_ != nullptr; }
  // A child or a survivor runs, or a tell is open.
  bool active() const { return phase_ != Phase::kNone || !OpenTells().empty(); }
  // Nobody waits for anything here: no child, no survivor, no reader, and no tell whose text is
  // here. (One whose text died with an earlier agent may wait for ever.)
  bool deserted() const {
    return phase_ == Phase::kNone && readers_.empty() && waiting_.empty() && opening_.empty();
  }
  // The host's age when its lease was granted or its child came or went last.
  absl::Duration used_at() const { return absl::Milliseconds(files_->state().used_age_ms()); }
  // This host's claim file is there for a child or a survivor.
  bool has_claim() const {
    return !claim_path_.empty() || !files_->state().child().claim().empty();
  }
  // Where that is, or would be; "" before the first Open.
  std::string claim_path() const;

 private:
  struct WaitingTell {
    std::string id;
    std::string text;
    bool ask_transcript = false;  // First, by AskTranscript().
    bool begun = false;           // As its sender read.
  };
  // Written by an earlier agent, and not settled.
  struct LostTell {
    std::string id;
    bool has_text = false;  // It came again.
    std::string text;
    bool begun = false;  // As WaitingTell has it.
    std::vector<CancelDone> cancelled;
  };
  enum class Phase { kNone, kStarting, kReady, kClosing, kDraining };
  static constexpr size_t kOvertakenMax = 1000;
  static constexpr size_t kUnreadBytesMax = 4 << 20;  // Beside a message.

  void OnStarted(pid_t pid, uint64_t start_time) override;
  void OnStdout(absl::string_view bytes) override;
  void OnStderr(absl::string_view bytes) override;
  void OnExited(const absl::StatusOr<ExitStatus>& how) override;
  void OnGone() override;
  void OnLinePiece(absl::string_view piece, bool ends_line) override;
  void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) override;

  void StartChild();
  void FailStart(const absl::Status& why);
  // Why the child is gone, as whoever waits for it hears.
  absl::Status WhyEnded(const absl::StatusOr<ExitStatus>& how, bool was_starting);
  absl::Status WhyItEnded(const ExitStatus& how, bool was_starting);  // By itself, or by others.
  // The child that was starting has ended: its session exists, where nothing here finds it.
  bool SaysItIsElsewhere() const;
  void GoOnElsewhere();
  void BecomeReady();
  void BeginClosing(absl::Duration grace, v1::Exited::Reason reason);
  // False: the child is as the newest Open wants it. Else it is being ended, and the next one is
  // started when somebody waits for it.
  bool EndOutdatedChild();
  // The cwd of the newest Open leads elsewhere than to where the child was started.
  bool DirectoryIsReplaced() const;
  // claude takes up the tell in flight: what it said since the tell was written is no answer to it,
  // and void for readers.
  void BeginAnswer();
  void OnControlResponse(absl::string_view line);
  // What the child asks (session_requests.cc).
  void OnControlRequest(const std::string& request_id, absl::string_view line);
  void OnRequestWithdrawn(const std::string& request_id);
  void EndEcho();  // The child is a program that repeats its input.
  // Empty: somebody may answer.
  std::string WhyNobodyIsAsked(const v1::PendingRequest& request) const;
  // False: it cannot wait.
  bool WaitForAnswer(v1::PendingRequest request, absl::Duration waited = absl::ZeroDuration());
  void Decide(const std::string& request_id, const std::string& decision);
  void SayClosed(const std::string& request_id, const std::string& decision);
  void TellChild(const PeerJson& response);
  // A line for the child that is no message. One that reads nothing of kUnreadBytesMax is ended.
  void WriteControl(const std::string& line);
  void EndDeafChild();
  void ArmRequestTimer();
  void DenyOldRequests();
  void DropRequests();
  // For a turn that went on because nobody could answer any more.
  absl::Status PermissionLost(bool closed) const;
  void OnResult(const LineFacts& facts, absl::string_view head, bool head_is_whole);
  // The turn of the tell in flight has ended.
  void OnTurnOver(const absl::Status& outcome);
  void Interrupt(CancelDone done);
  void OnInterruptAnswered(bool never_begun);
  // It does not let itself be interrupted.
  void EndInterrupted(const std::string& why);
  absl::Status Cancelled() const;
  // `why`, unless the tell in flight was being cancelled.
  absl::Status UnlessCancelled(const absl::Status& why) const;
  // Path of the session's transcript; "" if there is none.
  std::string Transcript() const;
  void Recover(ProcessId stray_keeper);
  // False: its child does not go on.
  bool GoOnWithChild(const handover::Session& before);
  void TakeTexts(const handover::Session& before);
  void BeginDraining(ProcessId keeper, ProcessId claude);
  // The survivor ran in another pid namespace.
  void DrainElsewhere();
  void LookElsewhere();
  // For certain: nothing of it runs any more.
  bool IsSurvivorOverElsewhere();
  // What another agent runs is let go instead.
  void EndSurvivor();
  void OnSurvivorGone();
  void SettleLost(LostTell lost, std::deque<WaitingTell>& to_write);
  // False: claude has not begun it, and may get it. `unless_ended`: how it is settled if its turn
  // did not end well.
  bool SettledByTranscript(const std::string& tell_id,
                           const absl::Status& unless_ended = absl::OkStatus());
  // `why` the tell in flight failed with its child, unless its whole answer is in the transcript.
  absl::Status UnlessInTranscript(const absl::Status& why);
  // Tells the one in flight anew, which has come to `outcome`. What it comes to by that.
  absl::Status TellWhole(const absl::Status& outcome);
  // Looks up what waits for that, unless the transcript still grows by a tell's turn.
  void AskTranscript();
  // Where the transcript has nothing of a tell that claude had begun. False: it had not.
  bool SettledAsBegun(const std::string& tell_id, bool begun);
  void TellAnew(const std::string& tell_id, const std::vector<std::string>& lines,
                const std::string& reason);
  void AppendLine(absl::string_view line);
  absl::Status SaveChild();
  absl::Status Save(saved::State state);
  // The claim (session_claim.cc). FAILURE_WRONG_HOST: another host has the session.
  absl::Status ClaimForStart();
  absl::Status HoldClaim();
  void LoseClaim(const absl::Status& why);
  // True if the claim is ours.
  bool ClaimForSurvivor(ProcessId keeper);
  void ReleaseClaim();
  void NoteClaimed(const absl::Status& outcome, const std::optional<Claim>& other);
  void DescribeClaim(v1::SessionInfo& info) const;
  // While a tell is in flight: asks the child whether it lives, if it says nothing for long.
  void ArmProbe();
  void Probe();
  void AskWhetherItLives();
  // Likewise: notices that its turn is over without a result line (session_idle.cc).
  void ArmIdleCheck();
  void CheckIdle();
  // The child used the CPU since it was asked or looked at last.
  bool HasWorked();
  void SettleIdle(bool is_over);
  // A turn that ended well, and of whose answer a line was broken: the transcript gets it a moment
  // later. `result_line` may be empty.
  void AwaitTranscript(absl::string_view result_line);
  void LookForAnswer(bool last_time);
  absl::Status RateLimited() const;
  // By the loop's clock.
  absl::Time StallNow() const;
  absl::Status CheckTell(absl::string_view text) const;
  bool TakeTextOfKnown(const std::string& tell_id, std::string& text, bool begun);
  // `tell_id` is settled, and its sender has read that or is about to.
  bool HearsOutcome(const std::string& tell_id, bool repeat);
  void SettleAgain(const std::string& tell_id);
  void Accept(const std::string& tell_id);
  void WriteNextTell();
  void SettleInFlight(const absl::Status& outcome);
  void Settle(const std::string& tell_id, const absl::Status& outcome);
  void SettleWaiting(const absl::Status& outcome);
  void Append(v1::Event event);
  // What is acknowledged goes, but for what readers of earlier leases lack.
  void TrimJournal();
  void UpdateBackPressure();
  // `idle_for`: since when nothing was asked of it.
  void ArmIdleTimer(absl::Duration idle_for = absl::ZeroDuration());
  void CancelTimer(EventLoop::TimerId& timer);
  v1::ChildInfo ChildInfo() const;
  // "claude for team gpu on host gpu1", for people.
  std::string Who() const;
  // The same with the program that it runs.
  std::string WhoRuns() const;

  EventLoop& loop_;
  const AgentIdentity& identity_;
  const std::string id_;
  const std::unique_ptr<SessionFiles> files_;
  const ChildStarter start_child_;
  const StrayKiller kill_strays_;
  std::set<SessionReader*> readers_;
  FencedReaders fenced_;       // Of them.
  uint64_t acknowledged_ = 0;  // By the lease holder, in this life of the agent.

  v1::LaunchSpec spec_;          // Of the newest Open.
  v1::LaunchSpec child_spec_;    // That `child_` was started with.
  DirectoryId child_directory_;  // That it was started in. Unknown: it is not looked at again.
  Phase phase_ = Phase::kNone;
  std::unique_ptr<Child> child_;
  std::unique_ptr<LineScanner> scanner_;
  bool resumed_ = false;
  bool is_elsewhere_ = false;  // By the word of the child before: the next one is to resume it.
  std::string program_;
  absl::Time started_at_;
  std::string initialize_id_;
  v1::Exited::Reason end_reason_ = v1::Exited::BY_ITSELF;
  int ended_early_ = 0;  // Children in a row that ended right after their start, by themselves.
  std::string stderr_tail_;
  std::vector<OpenDone> opening_;
  std::vector<CloseDone> closing_;
  EventLoop::TimerId step_timer_ = 0;  // initialize, or the next step of closing.
  EventLoop::TimerId idle_timer_ = 0;
  absl::Time idle_since_;

  std::string claim_path_;           // Of this host's claim, where the state may not have it yet.
  bool take_over_claim_ = false;     // By the next start.
  std::optional<Claim> claimed_by_;  // Somebody else, when a child was last to be started.

  std::unique_ptr<Survivor> survivor_;
  bool keeper_was_killed_ = false;  // Of the survivor, before this agent came.
  EventLoop::TimerId drain_timer_ = 0;
  EventLoop::TimerId look_timer_ = 0;  // For a survivor that cannot be seen.

  std::deque<WaitingTell> waiting_;
  size_t waiting_bytes_ = 0;            // Of their texts.
  std::unique_ptr<Turn> turn_;          // Of the tell in flight; null: none is.
  std::set<std::string> settle_again_;  // By AskTranscript(). Bounded: the ledger knows them.
  std::deque<std::string> overtaken_;   // By their cancel, and not sent yet. ≤ kOvertakenMax.
  ChildRequests requests_;
  EventLoop::TimerId request_timer_ = 0;  // Until the oldest of them, or one before it, is too old.
  // Written to the child since it had read everything, but for messages.
  size_t unread_bytes_ = 0;
  EventLoop::TimerId deaf_timer_ = 0;  // It did not read as much as it has to.
  absl::Duration cancel_patience_ = absl::Seconds(10);
  std::vector<LostTell> lost_;      // While draining.
  // Written by an earlier agent; of which no transcript was found, and that are not written again.
  std::set<std::string> maybe_read_;
  std::set<std::string> textless_;  // Accepted by an earlier agent; their text comes again.
  StallLimits stall_limits_;
  StallWatch stall_;
  IdleLimits idle_limits_;
  IdleWatch idle_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_H_
