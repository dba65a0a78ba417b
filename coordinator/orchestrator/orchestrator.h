#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/caller/caller.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/askers.h"
#include "coordinator/orchestrator/cancels.h"
#include "coordinator/orchestrator/earlier_tells.h"
#include "coordinator/orchestrator/fetched_marks.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/housekeeping.h"
#include "coordinator/orchestrator/intake.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/permission_answers.h"
#include "coordinator/orchestrator/sent_tells.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/tell_lists.h"
#include "coordinator/orchestrator/wake_and_sleep.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/orchestrator/ways.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Takes tells, keeps them in order, and reports to whoever follows them how they go. One tell of a
// session is in flight; the others wait, their text in the store. A tell goes on when nobody
// follows it.
//
//   Tell() ──▶ stored ──▶ [ waiting | waiting ] ──▶ in flight ──▶ over ──▶ settled in the store
//                                └── Cancel() ──────────┘           └─ again ─┘
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
// process, and waits for the host; what does not wait for that ends (line_host_wait.h). It is
// stored as running from just before it is given to the host, and not before: what is stored as
// queued, no host has got.
//
// Only wires the parts that own all this: docs/ARCHITECTURE.md says which owns what.
//
// Lives on the coordinator's loop.
class Orchestrator : private SettlingSink {
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
  Orchestrator(const Orchestrator&) = delete;
  Orchestrator& operator=(const Orchestrator&) = delete;

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
  absl::Status Tell(TellSpec spec, TellObserver* observer) {
    return intake_.Tell(std::move(spec), observer);
  }
  // The observer is not called any more. Nothing happens if it does not follow the tell. Not to be
  // called from OnAccepted().
  void RemoveObserver(const std::string& tell_id, TellObserver* observer) {
    intake_.RemoveObserver(tell_id, observer);
  }

  // Follows a tell that was submitted by anyone, as Tell() does from then on. `caller`: a team may
  // see only what it sent, the command line everything (Caller::MaySee()); so below.
  // `asker_session`: as in TellSpec; empty where its turn does not wait as long as it takes, or
  // nobody knows it. FAILURE_BAD_REQUEST: no such tell is kept, or it would wait for the asker's
  // own turn. FAILURE_PERMISSION_DENIED: it is another's. FAILURE_BUSY_LIMIT: a limit, or it would
  // wait for a process for ever. FAILURE_STORAGE. What is refused goes on.
  absl::Status Follow(const std::string& tell_id, const Caller& caller, TellObserver* observer,
                      const std::string& asker_session = "") {
    return intake_.Follow(tell_id, caller, observer, asker_session);
  }
  // One tell as it is now, without its texts. Fails as Follow().
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id, const Caller& caller) const {
    return lists_.Find(tell_id, caller);
  }
  // Open tells and those nobody has fetched, with `all` all that are kept; of one caller, or
  // where `from` is nobody of all. FAILURE_STORAGE.
  using ListDone = TellLists::Done;
  // `done` runs once, on the loop, perhaps from inside.
  void List(const Caller& from, bool all, ListDone done) {
    lists_.List(from, all, std::move(done));
  }
  // The settled tells of a caller whose answers wait to be fetched, oldest first. FAILURE_STORAGE.
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unfetched(const Caller& from) const {
    return lists_.Unfetched(from);
  }
  // The tell is open, and so far nobody has asked for it, or for another of its session, in this
  // life: an earlier one took it, and the environment of its sender went with that.
  bool LacksAsker(const std::string& tell_id) const { return askers_.LacksAsker(tell_id); }
  // Somebody asked for it who is not its sender, and no host has got it yet: with what that one has
  // lent it may not get there, and whoever asks meanwhile is next.
  bool HasLentAsker(const std::string& tell_id) const { return askers_.HasLentAsker(tell_id); }
  // Somebody with that environment asks for such a tell: it goes on with that, and its host is
  // tried at once. Where that fails for want of keys it waits for the next one who asks, unless
  // this was its sender. So do those in front of it, which have to go first.
  void AskFor(const std::string& tell_id, const SharedEnvironment& environment,
              bool by_sender = false) {
    askers_.AskFor(tell_id, environment, by_sender);
  }
  // Somebody was given the outcome of the tell, and took it. What fails is logged: then it is only
  // offered again.
  void MarkFetched(const std::string& tell_id) { fetched_.Mark(tell_id); }

  using CancelDone = Cancels::Done;
  // Ends one tell, wherever it is: what waits is settled at once, what is in flight when the host
  // says so, with its partial text. The session's next tell goes on. `done` runs once, on the loop,
  // never from inside, when the tell is settled; that may have been before, and may not be for
  // being cancelled. One that is counts as fetched: who cancelled it knows. Fails as Follow(), and
  // with FAILURE_STORAGE where the tell is over and cannot be stored so: that is tried again.
  void Cancel(const std::string& tell_id, const Caller& caller, CancelDone done) {
    cancels_.Cancel(tell_id, caller, std::move(done));
  }

  using AnswerDone = PermissionAnswers::Done;
  // Shows or answers what a claude asks before it goes on. `done` as above. Fails as the call does
  // (coordinator.proto).
  void AnswerPermission(const v1::AnswerPermissionRequest& request, AnswerDone done) {
    answers_.Answer(request, std::move(done));
  }

  using WakeDone = WakeAndSleep::WakeDone;
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
            SharedEnvironment environment = nullptr) {
    wake_and_sleep_.Wake(from, to, std::move(done), takeover, std::move(environment));
  }

  using SleepDone = WakeAndSleep::SleepDone;
  // Ends the child of the session of `from` with `to`; the conversation stays. `done` as above:
  // when nothing of the child is left. FAILURE_BUSY_LIMIT: a tell is open, and not `force`; with
  // it, what waits is cancelled, and what is under way too unless it ends by itself within 2 s. A
  // failure of the link: it is not known whether the child ended, and what is under way goes on.
  void Sleep(const Caller& from, const std::string& to, bool force, SleepDone done,
             SharedEnvironment environment = nullptr) {
    wake_and_sleep_.Sleep(from, to, force, std::move(done), environment);
  }

  using StatusDone = absl::AnyInvocable<void(absl::StatusOr<std::vector<v1::SessionStatus>>)>;
  // Every session, with its tells. `done` as for List(). FAILURE_STORAGE.
  void Status(StatusDone done);
  // The team whose claude has this session, in any life of the coordinator; empty: none has.
  std::string TeamOf(absl::string_view claude_session_id) const {
    return lines_.TeamOf(claude_session_id);
  }
  // No tell is open.
  bool idle() const { return tells_.empty() && intake_.arrivals().empty(); }

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
  Orchestrator(EventLoop& loop, std::unique_ptr<StoreQueue> own, StoreQueue* store,
               LiveConfig& config, TransportFactory& factory, TellLimits limits);

  // Of Settling.
  std::string InFlightOf(const std::string& session_id) override;
  void OnMarkStored(const std::string& session_id, const ReadMark& mark) override;
  void OnSentAgain(AcceptedTell& tell) override;
  void OnSettled(const AcceptedTell& tell) override;

  // The end: whoever follows a tell or waits for anything hears it, and the sessions go.
  void AnswerAllWhoWait();

  const std::unique_ptr<StoreQueue> own_store_;  // Null: it is somebody else's.
  StoreQueue& store_;
  const TellLimits limits_;
  OpenTells tells_;
  WaylessTells wayless_;
  FetchedMarks fetched_;
  Settling settling_;
  HostCancels host_cancels_;
  SentTells sent_;
  LiveTeams teams_;
  SessionLines lines_;
  Ways ways_;
  Askers askers_;
  EarlierTells earlier_;
  Intake intake_;
  Cancels cancels_;
  WakeAndSleep wake_and_sleep_;
  TellLists lists_;
  PermissionAnswers answers_;
  Housekeeping house_;
  AliveFlag alive_;  // For what is being read.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_H_
