#ifndef IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_
#define IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/alive_flag.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "coordinator/transport/cancelled_tells.h"
#include "coordinator/transport/child_ending.h"
#include "coordinator/transport/child_report.h"
#include "coordinator/transport/host_news.h"
#include "coordinator/transport/host_wait.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/session_contact.h"
#include "coordinator/transport/tell_sender.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "coordinator/transport/transport_machine.h"
#include "coordinator/transport/turn_relay.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// A session under an agent, over a link. The one engine of local and remote teams. The way to the
// host and back is SessionContact's; this says what the session needs it for, and passes what
// comes to whom it is for.
//
// A link that is lost with tells under way is waited for: the stream goes on where it was cut, also
// in the middle of a line, and the tells are sent again. While the session is open, the agent
// starts and restarts the child by itself as tells need it; ready() says whether one answers now.
// What fails on the way, but for the link, fails every tell under way and leads back to down.
class AgentTransport : public Transport, private ContactOwner {
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
  void OfferHandOver(HandOver hand_over) override { hand_over_ = std::move(hand_over); }
  EnvironmentNames environment_names() const override { return contact_.launch().given(); }
  void TryNow() override;
  void TryLater() override;
  void GiveNow() override { sender_.GiveNow(); }
  void Acknowledge(const ReadMark& mark) override;
  void Cancel(const std::string& tell_id) override { cancels_.Cancel(tell_id); }
  void PassOnCancel(const std::string& tell_id, const std::string& host) override {
    cancels_.PassOn(tell_id, host);
  }
  void Answer(const std::string& request_id, const std::string& json, AnswerDone done) override;
  void Terminate(TerminateDone done) override { ending_.Ask(std::move(done)); }
  bool ready() const override { return child_.ready() && contact_.leads_here(); }
  bool busy() const override { return !tells_.empty(); }
  bool is_out_of_reach() const override { return state() == State::kLinking && wait_.is_lost(); }
  std::vector<OpenTell> tells_under_way() const override { return tells_.Open(); }
  // Payload of the events that came, since this was made.
  uint64_t bytes_read() const { return news_.bytes_read(); }

 private:
  using State = TransportState;
  using Event = TransportEvent;

  HostNeeds Needs() const override;
  void OnSeeking() override { wait_.OnSeeking(); }
  bool OnLinkIsUp() override;
  void OnLinkIsDown(const absl::Status& what, const absl::Status& why, bool retries) override;
  void OnOtherHost(const absl::Status& why) override;
  void OnLeased() override { ending_.OnNewLease(); }
  const ReadPoint& OnAttaching() override;
  void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint& point) override {
    news_.OnNews(std::move(news), wire_bytes, point);
  }
  bool MayTakeMore(std::function<void()> on_room) override {
    return turns_.MayTakeMore(std::move(on_room));
  }
  void OnOpened(const v1::ChildInfo& child) override { news_.BecomeReady(child); }
  void OnMaySend() override;
  void OnLeadsHere() override {
    if (child_.StopAwaiting()) Spawn();
  }
  void CloseChild() override { ending_.Close(); }
  void OnContactEnd() override;
  void OnLetGo() override;
  void Fail(const absl::Status& why) override;

  TransportState state() const { return contact_.state(); }
  void SeekOrTryNow() { state() == State::kDown ? contact_.Handle(Event::kSought) : TryNow(); }
  // An agent may have something of the session, whatever is under way now.
  bool HasHadHost() const;
  // True: another transport has taken over, and this is gone.
  bool HandsOver() const;
  // Nobody needs the host now.
  bool IsIdle() const;
  // Runs `task` on the loop unless this is gone by then.
  void Later(std::function<void()> task);

  EventLoop& loop_;
  const SessionKey key_;
  TransportSink& sink_;

  SessionContact contact_;
  PendingTells tells_;
  TellSender sender_;
  TurnRelay turns_;
  ChildReport child_;
  CancelledTells cancels_;
  ChildEnding ending_;
  HostNews news_;
  HostWait wait_;
  HandOver hand_over_;  // Null: nobody takes over.
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_H_
