#ifndef IRIS_AGENT_SESSION_SESSION_H_
#define IRIS_AGENT_SESSION_SESSION_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/process/child.h"
#include "agent/session/event_log.h"
#include "agent/session/identity.h"
#include "agent/session/line_scanner.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Told when the session's log has grown. On the process loop; must not call back into the session.
class SessionReader {
 public:
  virtual ~SessionReader() = default;
  virtual void OnNewEvents() = 0;
};

// One conversation with one `claude` session id: its lease, its child, the tells that wait for it,
// and the log of what happened. Lives on the process loop.
//
//   child:  none ── Open, Tell ──▶ starting ── initialize answered ──▶ ready ──▶ closing ──▶ none
//   tell:   accepted ──▶ written (one at a time) ──▶ settled
class Session final : private ChildSink, private LineScannerSink {
 public:
  using OpenDone = absl::AnyInvocable<void(const absl::StatusOr<v1::OpenResponse>&)>;
  using CloseDone = absl::AnyInvocable<void(bool was_running)>;
  using CancelDone = absl::AnyInvocable<void(const absl::StatusOr<v1::TellState::Phase>&)>;

  static constexpr size_t kTellBytesMax = 8 << 20;
  static constexpr size_t kTellsWaitingMax = 1000;
  static constexpr size_t kWaitingBytesMax = 64 << 20;
  static constexpr size_t kSettledIdsKept = 4096;

  Session(EventLoop& loop, const AgentIdentity& identity, std::string session_id);
  ~Session() override;

  // Grants the lease and returns its epoch, by the condition in `request`.
  // FAILURE_PERMISSION_DENIED: another coordinator holds it, named with its label.
  absl::StatusOr<uint64_t> Acquire(const v1::AcquireRequest& request);
  // FAILURE_PERMISSION_DENIED: not the epoch in force.
  absl::Status CheckEpoch(uint64_t epoch) const;

  // Starts the child unless one runs; `done` when it answers, or with why it does not.
  void Open(const v1::LaunchSpec& spec, OpenDone done);

  // Takes a tell; its outcome arrives as a `settled` event. A known id changes nothing. One that
  // cannot be taken is settled at once: FAILURE_BAD_REQUEST, the text is not UTF-8 or too long;
  // FAILURE_BUSY_LIMIT, kTellsWaitingMax or kWaitingBytesMax wait already.
  //
  // FAILURE_BAD_REQUEST here is the peer's mistake, and nothing is recorded: the session was not
  // opened yet, or the id is not a UUID.
  absl::Status Tell(const std::string& tell_id, std::string text);

  // Ends one tell and leaves the others alone: settled as FAILURE_CANCELLED, unless its turn ends
  // by itself first. One that waits is never written; one in flight is interrupted, and its child
  // ended if it does not stop in time. `done` when it is settled, with what it was before
  // (unspecified: unknown here, and settled before it comes). FAILURE_BAD_REQUEST: not a UUID.
  void CancelTell(const std::string& tell_id, CancelDone done);
  // How long an interrupted child may take: 10 s, less in tests.
  void set_cancel_patience(absl::Duration patience) { cancel_patience_ = patience; }

  // Ends the child and its descendants: EOF on stdin, after `grace` SIGTERM, after another SIGKILL.
  // Tells and Opens that wait are cancelled. `done` when nothing is left.
  void Close(absl::Duration grace, CloseDone done);

  void AddReader(SessionReader* reader) { readers_.insert(reader); }
  void RemoveReader(SessionReader* reader) { readers_.erase(reader); }
  // A reader has stored everything up to `seq`.
  void Acknowledge(uint64_t seq);
  const EventLog& log() const { return log_; }

  v1::SessionState state() const;
  v1::SessionInfo Info() const;
  std::vector<v1::TellState> OpenTells() const;
  bool has_child() const { return child_ != nullptr; }
  // A child runs or a tell is open.
  bool active() const { return child_ != nullptr || !waiting_.empty(); }

 private:
  struct WaitingTell {
    std::string id;
    std::string text;
  };
  enum class Phase { kNone, kStarting, kReady, kClosing };
  // Of the tell in flight, which is being cancelled.
  struct PendingInterrupt {
    std::string request_id;               // Empty: answered, or not asked for.
    std::optional<absl::Status> outcome;  // The turn is over already.
    EventLoop::TimerId timer = 0;
    std::vector<CancelDone> done;
  };

  void OnStarted(pid_t pid, uint64_t start_time) override;
  void OnStdout(absl::string_view bytes) override;
  void OnStderr(absl::string_view bytes) override;
  void OnExited(const absl::StatusOr<ExitStatus>& how) override;
  void OnGone() override;
  void OnLinePiece(absl::string_view piece, bool ends_line) override;
  void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) override;

  void StartChild();
  void FailStart(const absl::Status& why);
  void BecomeReady();
  void BeginClosing(absl::Duration grace, v1::Exited::Reason reason);
  void OnControlResponse(absl::string_view line);
  void OnControlRequest(absl::string_view line);
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
  absl::Status CheckTell(absl::string_view text) const;
  void WriteNextTell();
  void SettleInFlight(const absl::Status& outcome);
  void Settle(const std::string& tell_id, const absl::Status& outcome);
  void SettleWaiting(const absl::Status& outcome);
  void Append(v1::Event event);
  void UpdateBackPressure();
  void ArmIdleTimer();
  void CancelTimer(EventLoop::TimerId& timer);
  v1::ChildInfo ChildInfo() const;
  // "claude for team gpu on host gpu1", for people.
  std::string Who() const;

  EventLoop& loop_;
  const AgentIdentity& identity_;
  const std::string id_;
  EventLog log_;
  std::set<SessionReader*> readers_;

  uint64_t epoch_ = 0;  // 0 = never leased.
  std::string lease_holder_;
  std::string lease_label_;

  bool opened_ = false;
  v1::LaunchSpec spec_;
  Phase phase_ = Phase::kNone;
  std::unique_ptr<Child> child_;
  std::unique_ptr<LineScanner> scanner_;
  bool resumed_ = false;
  std::string program_;
  absl::Time started_at_;
  std::string initialize_id_;
  v1::Exited::Reason end_reason_ = v1::Exited::BY_ITSELF;
  std::string stderr_tail_;
  std::vector<OpenDone> opening_;
  std::vector<CloseDone> closing_;
  EventLoop::TimerId step_timer_ = 0;  // initialize, or the next step of closing.
  EventLoop::TimerId idle_timer_ = 0;
  absl::Time idle_since_;

  std::deque<WaitingTell> waiting_;
  size_t waiting_bytes_ = 0;                // Of their texts.
  std::unique_ptr<std::string> in_flight_;  // Its id.
  bool replay_seen_ = false;                // Of the tell in flight.
  std::unique_ptr<PendingInterrupt> interrupt_;
  absl::Duration cancel_patience_ = absl::Seconds(10);
  absl::flat_hash_map<std::string, v1::TellState::Phase> tells_;
  std::deque<std::string> settled_ids_;  // Oldest first; bounds tells_.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_H_
