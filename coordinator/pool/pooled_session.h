#ifndef IRIS_COORDINATOR_POOL_POOLED_SESSION_H_
#define IRIS_COORDINATOR_POOL_POOLED_SESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "coordinator/config/config.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/pool/known_hosts.h"
#include "coordinator/pool/session_listener.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One session: its transport, made with the team's settings as they were then, and what is known of
// its child. Lives on the coordinator's loop.
//
//   stopped ── Tell, Wake ──▶ starting ──▶ busy ⇄ ready ── Sleep ──▶ ending ──▶ stopped
//      ▲                                │
//      └── the host said that it ended ─┴─ contact lost ──▶ unverifiable
class PooledSession {
 public:
  using SleepDone = std::function<void(const absl::StatusOr<bool>& was_running)>;

  // `factory`, `hosts` and the sink of `listener` outlive the session. `after`: what is stored of
  // what it said. `may_live`: an earlier life of the coordinator used the session, and its child
  // may still be there. `on_change` is called when the session gives up its child, or its claim to
  // one, loses it with the link, or may be put to sleep from now on; it must not call back.
  PooledSession(TransportFactory& factory, const Team& team, const SessionKey& key,
                const ReadMark& after, bool may_live, KnownHosts& hosts, SessionListener& listener,
                std::function<void()> on_change);
  PooledSession(const PooledSession&) = delete;
  PooledSession& operator=(const PooledSession&) = delete;

  const std::string& session_id() const { return key_.session_id; }
  const std::string& from() const { return key_.from; }
  const std::string& to() const { return key_.to; }
  const Team& team() const { return team_; }
  // A tell was passed and is not settled.
  bool busy() const { return tells_open_ > 0; }
  // Its child answers, and is not being ended.
  bool ready() const { return child_ == Child::kReady && !ending(); }
  // As Transport::is_out_of_reach(): what was ready before may not be now.
  bool is_out_of_reach() const { return transport_->is_out_of_reach(); }
  bool ending() const { return !ending_.empty(); }
  // A tell that is passed now goes to the child that answers, and the way there is its asker's.
  bool takes_at_once() const { return ready() && transport_->ready(); }
  // Counts against the limit: has a child, or is about to have one. One that is out of reach does
  // not, not even with a tell that its host has: the link's loss took it from us, and nobody here
  // can end it.
  bool has_process() const {
    return starting_ || ending() || (!is_out_of_reach() && (busy() || child_ == Child::kReady));
  }
  // May be put to sleep without anybody noticing.
  bool idle() const { return ready() && !busy() && !starting_ && !cannot_end_; }
  // Whether Sleep() may find something to end.
  bool may_have_child() const {
    return busy() || has_process() || child_ == Child::kReady || child_ == Child::kUnverifiable;
  }
  int64_t child_pid() const { return child_pid_; }  // While ready().

  // Takes new settings over, and the asker of `team`: at once if no child runs with the old ones,
  // else that is put to sleep first. While busy `team` is as it is for the asker of the tell that
  // is under way, and counts only where the host is out of reach, which it may mend; else nothing,
  // and it is to be asked again before the next tell. While starting they are only due: to be asked
  // again once the sink has heard how the start ended.
  void UseSettings(const Team& team);
  // What is started from now on is started for the asker of `team`, also for a tell that is under
  // way. Nothing where it is another team than the session has.
  void UseAskerOf(const Team& team);
  // The child that is starting or ending has other settings than the last UseSettings() said, or is
  // started for another asker.
  bool settings_are_due() const { return next_team_.has_value() || asker_is_due_; }

  // As Transport::Tell(). Not while ending.
  void Tell(const std::string& tell_id, std::string text);
  // As Transport::Resume(). Not while ending.
  void Resume(const std::string& tell_id, std::string text, bool given);
  // As Transport::Withdraw(): the session counts for no process by it, and its host is awaited
  // until the sink hears OnHostBack(), or StopAwaiting() is called, whatever settings it
  // gets.
  bool Withdraw(const std::string& tell_id);
  void StopAwaiting();
  bool awaits_host() const { return awaits_host_; }
  void TryNow() { transport_->TryNow(); }
  void TryLater() { transport_->TryLater(); }
  void GiveNow() { transport_->GiveNow(); }
  // As Transport::Cancel(), PassOnCancel() and Acknowledge().
  void Cancel(const std::string& tell_id) {
    cancels_.emplace(tell_id, stored_host_.key);  // Only that one can have it.
    transport_->Cancel(tell_id);
  }
  void PassOnCancel(const std::string& tell_id, const std::string& host) {
    cancels_.emplace(tell_id, host);
    transport_->PassOnCancel(tell_id, host);
  }
  void Acknowledge(const ReadMark& mark) {
    stored_host_ = mark.host;
    transport_->Acknowledge(mark);
  }
  // What its claude asks now; as Transport::Answer().
  const std::vector<v1::PendingRequest>& requests() const { return requests_; }
  void Answer(const std::string& request_id, const std::string& json, Transport::AnswerDone done) {
    transport_->Answer(request_id, json, std::move(done));
  }
  v1::PendingPermission Permission(const v1::PendingRequest& request) const;
  // Starts the child; the sink hears OnReady() or OnDown(). Not while ending.
  void Wake();
  // The same, as Transport::TakeOver(). Not while ending.
  void TakeOver();
  // As Transport::Terminate(); while it goes on, another one joins.
  void Sleep(SleepDone done);

  // What the sink of its transport heard, and the session has to know before anybody acts on it: as
  // the methods of TransportSink.
  void NoteProgress();
  void NoteReady(int64_t child_pid, uint64_t child_start_time);
  void NoteDown(const absl::Status& why);
  void NoteSettled();
  void NoteReadUpTo(const ReadMark& mark);
  void NoteCancelHeard(const std::string& tell_id) { cancels_.erase(tell_id); }
  void NoteRequests(const std::vector<v1::PendingRequest>& requests) { requests_ = requests; }
  void NoteHostBack() { awaits_host_ = false; }
  bool HostHasAnswered() const { return hosts_.HasAnswered(team_); }

  // Overwrites what this life of the coordinator knows better than the store: state, child_pid,
  // child_start_time, env_from, env_names, env_lacks and permissions.
  void Describe(v1::SessionStatus& status) const;

 private:
  enum class Child { kNone, kReady, kGone, kUnverifiable };

  void CheckIsUsable() const;
  void UseSettingsOutOfReach(const Team& team);
  void UseNextTeam();
  void StartHasEnded();
  // Of a transport that is new, while `starting_`.
  void StartWhatIsAskedFor();
  std::unique_ptr<Transport> MakeTransport();
  ReadMark ReadSoFar() const;
  // As Transport::HandOver.
  bool HandOver();
  // What is under way, of the transport that there was.
  std::vector<OpenTell> LeaveTransport();
  // Passes it to the one that there is now.
  void GoOnWith(std::vector<OpenTell> open);
  void OnEnded(const absl::StatusOr<bool>& was_running);

  TransportFactory& factory_;
  const SessionKey key_;
  Team team_;  // A copy: the configuration may be replaced while the transport lives.
  KnownHosts& hosts_;
  TransportSink& sink_;
  const std::function<void()> on_change_;
  ReadMark read_up_to_;
  HostMark stored_host_;  // Of the last mark that is stored.
  int tells_open_ = 0;
  bool awaits_host_ = false;  // No tell of it is under way; see Withdraw().
  bool starting_ = false;     // Wake() was called, and neither answer has come.
  bool takes_over_ = false;   // With it: TakeOver() was.
  std::vector<SleepDone> ending_;
  bool cannot_end_ = false;         // Sleep() failed; not tried again until something happens.
  absl::optional<Team> next_team_;  // To be used once the child is gone.
  bool asker_is_due_ = false;       // The start that is under way is for another than asked last.
  Child child_;
  int64_t child_pid_ = 0;
  uint64_t child_start_time_ = 0;
  std::vector<v1::PendingRequest> requests_;
  // That OnCancelHeard() has not come for: hosts by tells, as PassOnCancel() has them.
  std::map<std::string, std::string> cancels_;
  std::unique_ptr<Transport> transport_;  // Last: it refers to the others.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_POOLED_SESSION_H_
