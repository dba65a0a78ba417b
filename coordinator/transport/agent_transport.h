#ifndef IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_
#define IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "coordinator/transport/attach_call.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/read_mark.h"
#include "coordinator/transport/session_calls.h"
#include "coordinator/transport/session_host.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "coordinator/transport/transport_machine.h"
#include "coordinator/transport/turn_text.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A session under an agent, over a link. The one engine of local and remote teams. The way to the
// host is TransportMachine's; this does what that decides, and says which event it is that comes.
//
// A link that is lost with tells under way is waited for: the stream goes on where it was cut, also
// in the middle of a line, and the tells are sent again. While the session is open, the agent
// starts and restarts the child by itself as tells need it; ready() says whether one answers now.
// What fails on the way, but for the link, fails every tell under way and leads back to down.
class AgentTransport : public Transport, private LinkObserver, private AttachSink {
 public:
  // `budget`: of what sessions hold in memory; null: there is none.
  AgentTransport(EventLoop& loop, Link& link, CoordinatorIdentity identity, const Team& team,
                 SessionKey key, const ReadMark& after, TransportSink& sink,
                 ByteBudget* budget = nullptr);
  ~AgentTransport() override;

  void Spawn() override;
  void TakeOver() override;
  void Tell(const std::string& tell_id, std::string text) override;
  void Resume(const std::string& tell_id, std::string text, bool given) override;
  bool Withdraw(const std::string& tell_id) override;
  void AwaitHost() override;
  void StopAwaiting() override;
  void UseAskerOf(const Team& team) override;
  EnvironmentNames environment_names() const override { return given_; }
  void TryNow() override;
  void TryLater() override;
  void Acknowledge(const ReadMark& mark) override;
  void Cancel(const std::string& tell_id) override;
  void PassOnCancel(const std::string& tell_id, const std::string& host) override;
  void Answer(const std::string& request_id, const std::string& json, AnswerDone done) override;
  void Terminate(TerminateDone done) override;
  bool ready() const override { return ready_ && leads_here(); }
  bool busy() const override { return !tells_.empty(); }
  bool is_out_of_reach() const override { return state() == State::kLinking && was_lost_; }
  std::vector<OpenTell> tells_under_way() const override;
  TransportMetrics metrics() const override { return metrics_; }

 private:
  using State = TransportState;
  using Event = TransportEvent;
  struct PendingTell {
    std::string id;
    std::string text;
    bool sent = false;       // As in OpenTell.
    bool given = false;      // The host may have it.
    bool on_stream = false;  // Sent over the stream that is open now.
    bool has_text = false;   // Some of its answer was passed on.
    bool begun = false;      // As ReadMark::begun.
    // Some of its answer came out of a journal that the host has not any more: what it says of the
    // tell now, as after it was put back to a copy, is older than that.
    bool begun_before = false;
  };
  // A tell that was cancelled, and its host, which is to hear of it.
  struct PendingCancel {
    std::string tell_id;
    std::string host;  // As PassOnCancel() says.
  };

  void OnLinkProgress(const BootstrapProgress& progress) override;
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override;
  void OnLinkDown(const absl::Status& why, bool retries) override;
  void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint& point) override;
  bool MayTakeMore(std::function<void()> on_room) override {
    return !memory_.has_value() || memory_->MayTakeMore(std::move(on_room));
  }
  void OnDetached(const absl::Status& why) override;

  // States are looked at here: an event that cannot come ends the process.
  void Handle(Event event);
  TransportState state() const { return machine_.state(); }
  void SeekLink();
  void SeekOrTryNow();
  // The way is the asker's own. What a host has, or is just ending, stays with it as long as there
  // is contact.
  void LendToLink();
  // The contact is still the one to which the asker's environment leads; where that is just being
  // asked, OnAskedAnew() or OnLinkDown() follows.
  bool leads_here() const { return calls_.has_contact() && link_.life() == calls_.life(); }
  void OnAskedAnew(const std::shared_ptr<LinkLife>& life);
  void LeaveOtherHostBehind();
  bool HearTurn(const SessionNews& item);
  void Acquire();
  void Attach();
  void Open();
  void OnOpened(const v1::OpenResponse& response);
  void OnNotOpened(const absl::Status& why);
  void SayHowUrgent();
  // How a contact begins (agent_transport_contact.cc).
  bool AgentIsTooOld();
  v1::LaunchSpec Launch();
  void LearnEnvironment(const v1::ChildInfo& child);
  void OnAttached(const SessionNews& attached);
  void Renew();
  void SendTells();
  void SendTellsLater();
  bool BeganElsewhere(const PendingTell& tell) const;
  std::string BegunTell() const;
  void SettleWhatCannotBeAsked(bool journal_is_known);
  // What is to be cancelled (agent_transport_cancel.cc).
  void CancelHere(const std::string& tell_id);
  void AddCancel(const std::string& tell_id, const std::string& host);
  const PendingCancel* FindCancel(const std::string& tell_id) const;
  // The host of this contact has what is to be cancelled.
  bool IsHere(const PendingCancel& cancel) const {
    return cancel.host.empty() || cancel.host == host_.mark().key;
  }
  void AskToCancel(const std::string& tell_id);
  void CancelIsHeard(const std::string& tell_id);
  bool OnAttachedToCancel();
  void LetGoAfterCancels();
  bool SettleCancelled();
  void Apply(SessionNews& item);
  void CountMemory() {
    const SharedText& end = point_.mark.turn.end;
    const size_t end_bytes = end == nullptr ? 0 : end->size();
    if (memory_.has_value()) memory_->Set(text_bytes_ + point_.line_bytes + end_bytes);
  }
  void OnAsked(v1::PendingRequest request);
  void OnAnswered(const std::string& request_id);
  PendingTell* Find(const std::string& tell_id);
  void BecomeReady(const v1::ChildInfo& child);
  // The link may be away for long, and no tell is left or somebody waits for the child alone.
  void DropChild(const absl::Status& why);
  // The child that the sink knows of is not there any more.
  void TellDown(const absl::Status& why);
  // What the turn of the tell in flight does (agent_transport_progress.cc).
  void SeeDoing(const TurnText::Doing& doing);
  void SayDoing();
  void ForgetDoing();
  // Since the tell in flight was written; zero: not known.
  absl::Duration Working() const;
  void SettleOne(const std::string& tell_id, const absl::Status& outcome);
  // Fails every tell and starts over with the next one.
  void Fail(const absl::Status& why);
  // False: a sink destroyed this.
  bool SettleAll(const absl::Status& outcome);
  bool SettleNotGiven(const absl::Status& outcome);
  // A call or the stream ended with `why`.
  void OnContactLost(const absl::Status& why);
  void AwaitVerdict();
  // A host that is out of reach (agent_transport_away.cc). False: a sink destroyed this.
  bool SettleWhatDoesNotWait(const HostAway& away);
  bool IsAnyGiven() const;
  // Nobody needs the host now.
  bool IsIdle() const {
    return tells_.empty() && cancels_.empty() && ending_.empty() && !spawning_ && !awaits_host_;
  }
  void SayAway(const HostAway& away);
  void TryBlockedLinkLater();
  void TryBlockedLinkIn(absl::Duration wait);
  void Close();
  void OnClosed(const absl::StatusOr<bool>& was_running);
  void OnNotClosed(const absl::Status& why);
  // The way to the host is gone while Terminate() goes on. What the host has stays under way.
  // False: all is over, or a sink destroyed this.
  bool GiveUpEnding(const absl::Status& why);
  void EndIfQuiet();
  void Ended(const absl::StatusOr<bool>& was_running);
  // Forgets this contact with the host; tells and the wish for the link stay.
  void LoseContact();
  void LetGo();
  // Runs `task` on the loop unless this is gone by then.
  void Later(std::function<void()> task);

  EventLoop& loop_;
  Link& link_;
  Team team_;
  const SessionKey key_;
  TransportSink& sink_;

  TransportMachine machine_;
  SessionCalls calls_;
  SessionHost host_;
  bool close_unanswered_ = false;    // One was sent with this lease, and not answered.
  bool launch_is_new_ = false;       // The host heard in this contact how the team is launched.
  size_t environment_hash_ = 0;      // Of the environment that the host was told last.
  EnvironmentNames offered_;         // Likewise.
  EnvironmentNames given_;           // That the child was started with.
  bool environment_is_old_ = false;  // Another one is to be told before the next new tell.
  ReadPoint point_;                  // What was passed on.
  bool repeats_all_ = false;         // The host may have got each tell, whatever is known here.
  // The tell whose turn is read, and whose text was not passed on: nobody here waited for it, or
  // not from its beginning.
  std::string unheard_;
  absl::Status contact_lost_;  // Why; while away.
  EventLoop::TimerId away_timer_ = 0;
  EventLoop::TimerId blocked_timer_ = 0;  // Runs while what a host has waits for a blocked link.
  absl::Duration blocked_wait_;           // The last; zero once the link was up.
  bool was_lost_ = false;                 // The link was heard to be down, and not up since.
  bool awaits_host_ = false;              // As AwaitHost() says.
  bool is_trying_ = false;                // An attempt may be under way, or comes by itself.
  bool asker_is_newer_ = false;           // As HostAway says, of that attempt.
  EventLoop::TimerId give_timer_ = 0;     // Runs while a tell may not be given yet.
  bool take_lease_ = false;               // A person asked, and it was not granted yet.
  bool take_claim_ = false;               // Nor was this.
  bool spawning_ = false;                 // Spawn() was called, and neither answer has come.
  bool ready_ = false;
  bool told_ready_ = false;  // OnReady() was the last word to the sink.
  int64_t child_pid_ = 0;
  uint64_t child_start_time_ = 0;
  std::deque<PendingTell> tells_;
  std::vector<v1::PendingRequest> requests_;  // That claude waits for.
  std::vector<PendingCancel> cancels_;        // To be heard of by their hosts, whenever in reach.
  std::vector<TerminateDone> ending_;         // Not empty: Terminate() is under way.
  absl::optional<bool> was_running_;          // The agent's answer to it.
  EventLoop::TimerId ending_timer_ = 0;
  TransportMetrics metrics_;
  // When the tell in flight was written, as far as was seen here, by the loop's clock; what its
  // turn does now; and what was said last of that, and when.
  absl::optional<absl::Duration> written_at_;
  TurnText::Doing doing_;
  TurnText::Doing said_doing_;
  absl::Duration doing_said_at_ = -absl::InfiniteDuration();
  EventLoop::TimerId doing_timer_ = 0;         // Runs while it is too soon to say more.
  size_t text_bytes_ = 0;                      // Of the tell in flight, passed on and not settled.
  absl::optional<ByteBudget::Holder> memory_;  // Those, and the line that has begun.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The agent on this machine, over its UNIX socket.
class LocalTransport final : public AgentTransport {
 public:
  using AgentTransport::AgentTransport;
};

// The agent on the team's host, through the link's tunnel.
class RemoteAgentTransport final : public AgentTransport {
 public:
  using AgentTransport::AgentTransport;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_
