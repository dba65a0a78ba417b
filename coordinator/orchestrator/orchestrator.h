#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/caller/caller.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/arrivals.h"
#include "coordinator/orchestrator/fetched_marks.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/housekeeping.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/permission_answers.h"
#include "coordinator/orchestrator/session_wakes.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/turn_waits.h"
#include "coordinator/orchestrator/wait_cycles.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/pool/session_listener.h"
#include "coordinator/pool/session_pool.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Takes tells, keeps them in order, and reports to whoever follows them how they go. One tell of a
// session is in flight; the others wait, their text in the store. A tell goes on when nobody
// follows it.
//
//   Tell() ──▶ stored ──▶ [ waiting | waiting ] ──▶ in flight ──▶ over ──▶ settled in the store ──▶
//   observers                    └── Cancel() ──────────┘           └─ again ─┘  until it is
//   fetched
//
// A tell is settled in one transaction with how far its session was read: what the store does not
// take now is tried again every second, and until then the host keeps it, observers wait, and the
// session's next tell does too.
//
// A tell with `wait_for_limit` whose team's account has reached its limit before anything ran is
// not over: it is put off, which is stored as an end is, and goes back to the front of the line,
// where it waits until the limit has reset.
//
// A tell that its host cannot be given now goes back to the front of the line, where it takes up no
// process, and waits for the host; what does not wait for that ends (away.cc). It is stored as
// running from just before it is given to the host, and not before: what is stored as queued, no
// host has got.
//
// Lives on the coordinator's loop.
class Orchestrator : private SessionListener, private ArrivalOwner, private SettlingSink {
 public:
  // All outlive the orchestrator. `store` writes where it likes to.
  Orchestrator(EventLoop& loop, StoreQueue& store, LiveConfig& config, TransportFactory& factory,
               TellLimits limits = {})
      : Orchestrator(loop, nullptr, &store, config, factory, limits) {}
  // Everything is written at once, on the loop.
  Orchestrator(EventLoop& loop, Store& store, LiveConfig& config, TransportFactory& factory,
               TellLimits limits = {})
      : Orchestrator(loop, std::make_unique<StoreQueue>(loop, store), nullptr, config, factory,
                     limits) {}
  ~Orchestrator() override;

  // Once, before the first tell: takes up what an earlier life left open. What the team may have
  // got goes on where it was read last; the rest waits in line. Hosts that have not heard yet of
  // what was cancelled hear of it. A tell whose team is not configured any more is settled as
  // FAILURE_DROPPED; where the configuration does not load it waits for somebody for whom it does.
  // FAILURE_STORAGE: the store cannot be used.
  absl::Status ResumeOpenTells();

  // Stores and queues the tell; `observer` follows it until OnSettled() or RemoveObserver(). It may
  // be called from inside. A tell_id that is known: the observer joins, or hears of the outcome at
  // once.
  //
  // OK: it is being stored, and OnAccepted() or OnRefused() follows, or came from inside. Else the
  // observer hears nothing. It fails, or is refused, as FAILURE_BAD_REQUEST: the spec breaks a rule
  // of TellSpec, the id was used for another message, it would wait for itself, or the
  // configuration does not load. FAILURE_BUSY_LIMIT: a limit; wait for earlier tells.
  // FAILURE_STORAGE. FAILURE_DROPPED: the coordinator is leaving. FAILURE_AMBIGUOUS: accepted
  // before, and not known.
  absl::Status Tell(TellSpec spec, TellObserver* observer);
  // The observer is not called any more. Nothing happens if it does not follow the tell. Not to be
  // called from OnAccepted().
  void RemoveObserver(const std::string& tell_id, TellObserver* observer);

  // Follows a tell that was submitted by anyone, as Tell() does from then on. `caller`: a team may
  // see only what it sent, the command line everything (Caller::MaySee()); so below.
  // `asker_session`: as in TellSpec; empty where its turn does not wait as long as it takes, or
  // nobody knows it. FAILURE_BAD_REQUEST: no such tell is kept, or it would wait for the asker's
  // own turn. FAILURE_PERMISSION_DENIED: it is another's. FAILURE_BUSY_LIMIT: a limit, or it would
  // wait for a process for ever. FAILURE_STORAGE. What is refused goes on.
  absl::Status Follow(const std::string& tell_id, const Caller& caller, TellObserver* observer,
                      const std::string& asker_session = "");
  // One tell as it is now, without its texts. Fails as Follow().
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id, const Caller& caller) const;
  // Open tells and those nobody has fetched, with `all` all that are kept; of one caller, or
  // where `from` is nobody of all. FAILURE_STORAGE.
  using ListDone = absl::AnyInvocable<void(absl::StatusOr<v1::ListTellsResponse>)>;
  // `done` runs once, on the loop, perhaps from inside.
  void List(const Caller& from, bool all, ListDone done);
  // The settled tells of a caller whose answers wait to be fetched, oldest first. FAILURE_STORAGE.
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unfetched(const Caller& from) const;
  // The tell is open, and so far nobody has asked for it, or for another of its session, in this
  // life: an earlier one took it, and the environment of its sender went with that.
  bool LacksAsker(const std::string& tell_id) const;
  // Somebody asked for it who is not its sender, and no host has got it yet: with what that one has
  // lent it may not get there, and whoever asks meanwhile is next.
  bool HasLentAsker(const std::string& tell_id) const;
  // Somebody with that environment asks for such a tell: it goes on with that, and its host is
  // tried at once. Where that fails for want of keys it waits for the next one who asks, unless
  // this was its sender. So do those in front of it, which have to go first.
  void AskFor(const std::string& tell_id, const SharedEnvironment& environment,
              bool by_sender = false);
  // Somebody was given the outcome of the tell, and took it. What fails is logged: then it is only
  // offered again.
  void MarkFetched(const std::string& tell_id) { fetched_.Mark(tell_id); }

  using CancelDone = AcceptedTell::CancelDone;
  // Ends one tell, wherever it is: what waits is settled at once, what is in flight when the host
  // says so, with its partial text. The session's next tell goes on. `done` runs once, on the loop,
  // never from inside, when the tell is settled; that may have been before, and may not be for
  // being cancelled. One that is counts as fetched: who cancelled it knows. Fails as Follow(), and
  // with FAILURE_STORAGE where the tell is over and cannot be stored so: that is tried again.
  void Cancel(const std::string& tell_id, const Caller& caller, CancelDone done);

  using AnswerDone = PermissionAnswers::Done;
  // Shows or answers what a claude asks before it goes on. `done` as above. Fails as the call does
  // (coordinator.proto).
  void AnswerPermission(const v1::AnswerPermissionRequest& request, AnswerDone done) {
    answers_.Answer(request, std::move(done));
  }

  using WakeDone = SessionWakes::Done;
  // Makes the session of `from` with `to` ready: its child answers, without a prompt. Stands in the
  // pool's line like a tell. `done` runs once, on the loop, never from inside: when the child
  // answers, or with why it does not, as a tell would fail. FAILURE_BAD_REQUEST: the two ends, as
  // for Tell(). FAILURE_BUSY_LIMIT: too many wait for the session. FAILURE_TIMEOUT: no process
  // became free in time; try again when other teams are through. FAILURE_CANCELLED: Sleep() came
  // between. FAILURE_DROPPED: the coordinator is leaving, or the link was lost.
  //
  // `takeover`: takes the session from another coordinator that holds it and another host that has
  // claimed it; only when a person asked. Without it: FAILURE_PERMISSION_DENIED,
  // FAILURE_WRONG_HOST.
  // `environment`: as in TellSpec.
  void Wake(const Caller& from, const std::string& to, WakeDone done, bool takeover = false,
            SharedEnvironment environment = nullptr);

  using SleepDone = std::function<void(const absl::StatusOr<v1::SleepResponse>&)>;
  // Ends the child of the session of `from` with `to`; the conversation stays. `done` as above:
  // when nothing of the child is left. FAILURE_BUSY_LIMIT: a tell is open, and not `force`; with
  // it, what waits is cancelled, and what is under way too unless it ends by itself within 2 s. A
  // failure of the link: it is not known whether the child ended, and what is under way goes on.
  void Sleep(const Caller& from, const std::string& to, bool force, SleepDone done,
             SharedEnvironment environment = nullptr);

  using StatusDone = absl::AnyInvocable<void(absl::StatusOr<std::vector<v1::SessionStatus>>)>;
  // Every session, with its tells. `done` as for List(). FAILURE_STORAGE.
  void Status(StatusDone done);
  // The team whose claude has this session, in any life of the coordinator; empty: none has.
  std::string TeamOf(absl::string_view claude_session_id) const;
  // No tell is open.
  bool idle() const { return tells_.empty() && arrivals_.empty(); }

  // The daemon leaves, its hosts go on: open tells stay open in the store, for the next life. Who
  // follows one hears FAILURE_DROPPED, with the partial text, and so does every Wake() and Sleep().
  // Nothing is taken from now on, and contact with every session has ended when this returns; what
  // was to be stored is, and is waited for.
  void Leave();
  // As Leave(), where the hosts are to stop too: every open tell is settled as FAILURE_CANCELLED. A
  // host that may have one, and whose agent does not end now, hears of it in a later life.
  // FAILURE_STORAGE: they stay open, for the next life.
  absl::Status SettleOpen();

 private:
  // The tells of one session, and what its transport says of it and them.
  struct Queue final : public TransportSink {
    Orchestrator* owner = nullptr;
    PooledSession* session = nullptr;
    std::string in_flight;            // Until its end is stored. Empty: none.
    std::deque<std::string> waiting;  // Ids, oldest first.
    // Set: they wait for the host, which says more to come, and none is in flight.
    absl::optional<v1::TellProgress> awaits;
    absl::optional<HostAway> away;  // With it: how the last attempt to reach the host failed.
    SessionWakes wakes;
    std::vector<SleepDone> sleeps;
    v1::TurnAccount last_turn;     // Of its last tell that was settled.
    bool starts_again = false;     // The store did not let the next tell start; a timer runs.
    bool waits_for_limit = false;  // The next tell does; a timer runs.

    void OnProgress(const TransportProgress& progress) override;
    void OnReady(int64_t child_pid, uint64_t child_start_time) override;
    void OnDown(const absl::Status& why) override;
    void OnText(const std::string& id_on_host, absl::string_view text) override;
    void OnTextVoid(const std::string& id_on_host) override;
    void OnStructured(const std::string& id_on_host, size_t bytes) override;
    void OnAccount(const std::string& id_on_host, const v1::TurnAccount& account) override;
    void OnSettled(const std::string& id_on_host, const absl::Status& outcome) override;
    void OnCancelHeard(const std::string& id_on_host) override;
    void OnRequests(const std::vector<v1::PendingRequest>& requests) override;
    void OnReadUpTo(const ReadMark& mark) override;
    bool HostHasAnswered() const override;
    absl::Status EndWhileAway(const std::string& id_on_host, const HostAway& away) const override;
    void OnHostAway(const HostAway& away) override;
    void OnHostBack() override;
    bool MayGive(const std::string& id_on_host) override;
  };

  // What of a tell is asked as it comes (accept.cc).
  absl::Status CheckSpec(const TellSpec& spec) override;
  absl::Status OnKnown(StoredTell stored, const TellSpec& spec, TellObserver* observer) override;
  absl::StatusOr<NewTell> Admit(TellSpec& spec) override;
  absl::Status OnStored(NewTell added, TellSpec& spec, TellObserver* observer) override;
  // The queue of a tell that is new and may be taken.
  absl::StatusOr<Queue*> CheckNew(const TellSpec& spec);
  static bool GetsNextAtOnce(const Queue& queue);
  void TakePlace(const std::string& tell_id, Queue& queue, const SharedEnvironment& environment);

  // What the store has open is open here too: the queue to put it into. Null: there is no way to
  // the team, and it is over.
  absl::StatusOr<Queue*> Reopen(const StoredTell& stored);
  absl::Status Resume(StoredTell stored);
  // Into the queue of its session: in flight, or behind what is there.
  void PutInLine(StoredTell stored, Queue& queue);
  // Open tells for whose team no way can be found before somebody asks who has the variables that
  // the configuration names, as their senders have them, or it is mended (askers.cc). Those of the
  // queue's session go on for which this one leads the way.
  absl::Status TakeUp(Queue& queue, const SharedEnvironment& environment);
  void FindWay(const std::string& tell_id, const SharedEnvironment& environment, bool by_sender);
  void EndWhatFoundNoWay();
  void SayWhoseVariables(const std::string& tell_id);
  // So many of those that were found no way are of the queue's session, and a host may have them:
  // what goes another way now would have their conversation go on elsewhere.
  size_t GivenElsewhere(const Queue& queue) const;
  // The end: whoever follows a tell or waits for anything hears it, and the sessions go.
  void AnswerAllWhoWait();
  // Lets the observer follow the tell, open or settled.
  absl::Status Join(StoredTell stored, TellObserver* observer);
  void DescribeOpen(v1::TellSummary& summary) const;
  v1::ListTellsResponse ListOf(const std::vector<StoredTellSummary>& stored, bool all) const;
  std::vector<v1::SessionStatus> StatusOf(const std::vector<StoredSession>& stored) const;
  bool IsBeingFetched(const StoredTellSummary& stored) const;
  absl::StatusOr<v1::CancelTellOfResponse> BeginCancel(const std::string& tell_id,
                                                       const Caller& caller, CancelDone& done);
  // Cancelling (cancels.cc).
  void CancelQueued(const std::string& tell_id, Queue& queue);
  void CancelInFlight(const AcceptedTell& tell, Queue& queue);
  absl::Status ResumeCancels();
  std::vector<PooledSession*> Sessions() const;
  // What has waited for too long (overdue.cc).
  void EndOverdue();
  // How it ends if it has waited for too long for what no attempt is made to get. OK: it does not.
  absl::Status EndIfOverdue(const std::string& tell_id, const Queue& queue) const;
  bool IsOverdue(const AcceptedTell& tell) const {
    return tell.IsOverdue(store_.Now(), limits_.host_wait_max);
  }

  // Waits without end (waits.cc). FAILURE_BAD_REQUEST, FAILURE_BUSY_LIMIT: the new tell, and its
  // sender's turn, would wait for ever.
  absl::Status CheckNewWait(const TellSpec& spec, const Queue& asked) const;
  // The same of the turn of `asker_session`, which is to wait for a tell that is known.
  absl::Status CheckWaitFor(const StoredTell& tell, const std::string& asker_session) const;
  WaitCycles WaitsOfNow() const;
  // The tell in whose turn it waits; empty: it is another coordinator's, a person's, or in a turn
  // that nobody waits for.
  std::string TurnOf(const std::string& asker_session) const;
  void KeepAsker(const std::string& tell_id, const std::string& asker_session,
                 const TellObserver* observer);
  absl::Status TellAgain(StoredTell stored, const TellSpec& spec, TellObserver* observer);
  // The queue of the pair's session, made if it is not there yet.
  absl::StatusOr<Queue*> QueueOf(const Caller& from, const std::string& to,
                                 const SharedEnvironment& environment);
  absl::StatusOr<Queue*> QueueAgain(const std::string& from, const std::string& to,
                                    const SharedEnvironment& environment);
  absl::Status BeginWake(const Caller& from, const std::string& to, bool takeover, WakeDone& done,
                         SharedEnvironment environment);
  absl::Status BeginSleep(const Caller& from, const std::string& to, bool force, SleepDone& done,
                          const SharedEnvironment& environment);
  void GiveUpWake(const std::string& session_id, uint64_t round);
  void CancelWaiting(Queue& queue);
  // Where nothing waits any more, neither a process nor the host is kept for it.
  void LetGoOfWaits(Queue& queue);
  void PostStartNext(const std::string& session_id);
  void StartNext(const std::string& session_id);
  // Whoever asks lends the link what it has in the same task of the loop.
  void PostTryNow(const std::string& session_id);
  void UseSettingsOfNow(Queue& queue);
  void Lend(const std::string& tell_id, const SharedEnvironment& environment, bool by_sender);
  // To those for which what was lent so far did not serve.
  void LendWhatIsNext(Queue& queue);
  // In the line of the session; none where the tell does not wait there.
  std::vector<std::string> AheadOf(const std::string& tell_id, const std::string& session_id) const;
  // What is under way, or else next in the line; null: nothing, or a wake.
  const AcceptedTell* TellOfNow(const Queue& queue) const;
  // Of whoever asked for that.
  SharedEnvironment EnvironmentOfNow(const Queue& queue) const;
  // The next tell was taken by an earlier life, and is to have variables of whoever asks (passEnv),
  // which nobody has since.
  bool WaitsForAsker(const Queue& queue) const;
  bool LacksVariables(const AcceptedTell& tell) const;
  // A tell that no host has got is taken back, and waits for its host (away.cc).
  void TakeBack(Queue& queue);
  void EndWhatDoesNotWait(Queue& queue, const HostAway& away);
  absl::Status EndOf(const AcceptedTell& tell, const HostAway& away) const;
  LeftMessage LeftOf(const AcceptedTell& tell, const HostAway& away) const;
  // OK: the team is configured, or nobody can say.
  absl::Status CheckStillThere(const Queue& queue);
  // What waits for the session goes to it, which has or gets its process.
  void StartWhatWaits(Queue& queue);
  absl::Status Start(const std::string& tell_id, Queue& queue);
  absl::StatusOr<std::string> TextOf(const std::string& tell_id, AcceptedTell& tell);
  void StartAgainSoon(const std::string& session_id, Queue& queue, const absl::Status& why);
  // Limits of accounts (limits.cc).
  // Until when the next tell waits for a limit; InfinitePast: it does not.
  absl::Time NextNotBefore(const Queue& queue) const;
  void WaitForLimit(const std::string& session_id, Queue& queue, absl::Time not_before);
  void ReportPlaces(const Queue& queue);

  // Of Settling.
  std::string InFlightOf(const std::string& session_id) override;
  void OnMarkStored(const std::string& session_id, const ReadMark& mark) override;
  void OnSentAgain(AcceptedTell& tell) override;
  void OnSettled(const AcceptedTell& tell) override;

  TransportSink& SinkFor(PooledSession& session) override;
  void OnRoom(const std::string& session_id) override;
  // What the queues hear (session_events.cc).
  absl::Status EndOfSent(const std::string& id_on_host, const HostAway& away) const;
  bool MayGive(const std::string& id_on_host);
  void MarkRunning(const std::string& tell_id);
  bool OnMarked(const std::string& tell_id, uint64_t round, const absl::Status& marked);
  void PostAway(const std::string& session_id, const HostAway& away);

  Orchestrator(EventLoop& loop, std::unique_ptr<StoreQueue> own, StoreQueue* store,
               LiveConfig& config, TransportFactory& factory, TellLimits limits);

  EventLoop& loop_;
  const std::unique_ptr<StoreQueue> own_store_;  // Null: it is somebody else's.
  StoreQueue& store_;
  LiveTeams teams_;
  const TellLimits limits_;
  OpenTells tells_;
  std::map<std::string, Queue> queues_;         // By session_id.
  std::map<std::string, std::string> team_of_;  // Of all sessions there are, by session_id.
  TurnWaits turn_waits_;
  PermissionAnswers answers_;
  FetchedMarks fetched_;
  Arrivals arrivals_;
  WaylessTells wayless_;
  Settling settling_;
  HostCancels cancels_;
  SessionPool pool_;
  Housekeeping house_;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_H_
