#ifndef IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_
#define IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "coordinator/transport/attach_call.h"
#include "coordinator/transport/child_report.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/launch_offer.h"
#include "coordinator/transport/link_retry.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/read_mark.h"
#include "coordinator/transport/session_calls.h"
#include "coordinator/transport/session_end.h"
#include "coordinator/transport/session_host.h"
#include "coordinator/transport/tell_cancels.h"
#include "coordinator/transport/tell_sender.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "coordinator/transport/transport_machine.h"
#include "coordinator/transport/turn_relay.h"
#include "proto/iris/v1/agent.pb.h"

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
  EnvironmentNames environment_names() const override { return launch_.given(); }
  void TryNow() override;
  void TryLater() override;
  void GiveNow() override { sender_.GiveNow(); }
  void Acknowledge(const ReadMark& mark) override;
  void Cancel(const std::string& tell_id) override;
  void PassOnCancel(const std::string& tell_id, const std::string& host) override;
  void Answer(const std::string& request_id, const std::string& json, AnswerDone done) override;
  void Terminate(TerminateDone done) override;
  bool ready() const override { return child_.ready() && leads_here(); }
  bool busy() const override { return !tells_.empty(); }
  bool is_out_of_reach() const override { return state() == State::kLinking && was_lost_; }
  std::vector<OpenTell> tells_under_way() const override { return tells_.Open(); }
  TransportMetrics metrics() const override { return metrics_; }

 private:
  using State = TransportState;
  using Event = TransportEvent;

  void OnLinkProgress(const ConnectProgress& progress) override;
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override;
  void OnLinkDown(const absl::Status& why, bool retries) override;
  void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint& point) override;
  bool MayTakeMore(std::function<void()> on_room) override {
    return turns_.MayTakeMore(std::move(on_room));
  }
  void OnDetached(const absl::Status& why) override;

  // States are looked at here: an event that cannot come ends the process.
  void Handle(Event event);
  TransportState state() const { return machine_.state(); }

  // ---- what the machine has done
  void LoseContact();  // Tells and the wish for the link stay.
  void LetGo();
  void AwaitVerdict();
  void SeekLink();
  void Acquire();
  void Attach();
  void Open();
  void Close();

  // ---- the way to the host
  void SeekOrTryNow();
  // The way is the asker's own. What a host has, or is just ending, stays with it as long as there
  // is contact.
  void LendToLink();
  // The contact is still the one to which the asker's environment leads; where that is just being
  // asked, OnAskedAnew() or OnLinkDown() follows.
  bool leads_here() const { return calls_.has_contact() && link_.life() == calls_.life(); }
  void OnAskedAnew(const std::shared_ptr<LinkLife>& life);
  void LeaveOtherHostBehind();
  void UpdateUrgency();
  // Nobody needs the host now.
  bool IsIdle() const {
    return tells_.empty() && cancels_.empty() && !end_.asked() && !spawning_ && !awaits_host_;
  }
  // A call or the stream ended with `why`.
  void OnContactLost(const absl::Status& why);
  void OnVerdictDue();

  // ---- how a contact begins
  void OnAttached(const SessionNews& attached);
  bool OnAttachedToCancel();
  bool AgentIsTooOld();
  void OnOpened(const v1::OpenResponse& response);
  void OnNotOpened(const absl::Status& why);
  void Renew();
  void BecomeReady(const v1::ChildInfo& child);

  // ---- tells
  void Apply(SessionNews& item);
  void SendTells();
  void SettleWhatCannotBeAsked(bool journal_is_known);
  // Of those of `ids` that are still under way then. False: a sink destroyed this.
  bool SettleEach(const std::vector<std::string>& ids, const absl::Status& outcome);
  void CancelHere(const std::string& tell_id);
  void OnCancelHeard(const std::string& tell_id);
  void LetGoAfterCancels();

  // ---- a host that is out of reach. False: a sink destroyed this.
  HostAway AwayNow(const absl::Status& what, const absl::Status& why, bool retries);
  bool SettleWhatDoesNotWait(const HostAway& away);
  void SayAway(const HostAway& away);

  // ---- ends
  // Fails every tell and starts over with the next one.
  void Fail(const absl::Status& why);
  void OnClosed(const absl::StatusOr<bool>& was_running);
  void OnNotClosed(const absl::Status& why);
  // The way to the host is gone while Terminate() goes on. What the host has stays under way.
  // False: all is over, or a sink destroyed this.
  bool GiveUpEnding(const absl::Status& why);
  void EndIfQuiet();

  // Runs `task` on the loop unless this is gone by then.
  void Later(std::function<void()> task);

  EventLoop& loop_;
  Link& link_;
  Team team_;
  const SessionKey key_;
  TransportSink& sink_;
  TransportMetrics metrics_;

  TransportMachine machine_;
  SessionCalls calls_;
  SessionHost host_;
  LaunchOffer launch_;
  PendingTells tells_;
  TellSender sender_;
  TurnRelay turns_;
  ChildReport child_;
  TellCancels cancels_;
  SessionEnd end_;
  LinkRetry retry_;  // While what a host has waits for a blocked link.

  absl::Status contact_lost_;  // Why; while away.
  EventLoop::TimerId away_timer_ = 0;
  bool was_lost_ = false;        // The link was heard to be down, and not up since.
  bool awaits_host_ = false;     // As AwaitHost() says.
  bool is_trying_ = false;       // An attempt may be under way, or comes by itself.
  bool asker_is_newer_ = false;  // As HostAway says, of that attempt.
  bool take_lease_ = false;      // A person asked, and it was not granted yet.
  bool take_claim_ = false;      // Nor was the claim that another host has.
  bool spawning_ = false;        // Spawn() was called, and neither answer has come.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_
