#ifndef IRIS_COORDINATOR_TRANSPORT_SESSION_CONTACT_H_
#define IRIS_COORDINATOR_TRANSPORT_SESSION_CONTACT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "coordinator/transport/attach_call.h"
#include "coordinator/transport/launch_offer.h"
#include "coordinator/transport/session_calls.h"
#include "coordinator/transport/session_host.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "coordinator/transport/transport_machine.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What a session needs its host for.
struct HostNeeds {
  bool tells = false;    // Some are under way,
  bool given = false;    // and the host may have one of them.
  bool cancels = false;  // The host is to hear of some.
  bool start = false;    // Somebody waits for a child that answers,
  bool end = false;      // or for the end of the child.
  bool ended = false;    // The agent has answered that: what is lost now is lost for good.
  // A Close may still come to the agent, and would count under the lease of before.
  bool other_lease = false;
};

// Whose contact it is. On the loop; where it says "later" that is never from inside a call to the
// contact, and may lead to the end of both.
class ContactOwner {
 public:
  virtual ~ContactOwner() = default;

  virtual HostNeeds Needs() const = 0;

  // The link is asked for.
  virtual void OnSeeking() = 0;
  // The link is up. False: that was all, and nobody needs it any more.
  virtual bool OnLinkIsUp() = 0;
  // Later. `why`: as LinkObserver has it. `what`: the same for whoever had contact. The owner says
  // kLinkLost or kDone.
  virtual void OnLinkIsDown(const absl::Status& what, const absl::Status& why, bool retries) = 0;
  // The link leads to another host than that which may have tells: they end so, later.
  virtual void OnOtherHost(const absl::Status& why) = 0;
  // A new lease was granted.
  virtual void OnLeased() = 0;
  // The stream is about to be opened: from where on it is read.
  virtual const ReadPoint& OnAttaching() = 0;
  // Later. Of the kind kAttached: the owner says which of kAttachedTo… it is.
  virtual void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes,
                      const ReadPoint& point) = 0;
  virtual bool MayTakeMore(std::function<void()> on_room) = 0;
  // Later. The child that was to be opened answers.
  virtual void OnOpened(const v1::ChildInfo& child) = 0;
  // Later. Tells may be sent, where may_send().
  virtual void OnMaySend() = 0;
  // Later. The asker's environment leads to the host of this contact.
  virtual void OnLeadsHere() = 0;

  // The child is to be ended: SessionCalls::Close().
  virtual void CloseChild() = 0;
  // Contact is lost, or given up. Nothing is said to anybody.
  virtual void OnContactEnd() = 0;
  // Nobody needs the host any more; after OnContactEnd(). Nothing is said to anybody.
  virtual void OnLetGo() = 0;
  // Later. No other attempt helps. The owner says kDone.
  virtual void Fail(const absl::Status& why) = 0;
};

// A session's contact with its host: how it begins and ends. TransportMachine says what each event
// does; this does what it decides, with the link and the calls to the agent. Knows no tell, and
// nothing of the child but how it is to be launched. Lives on the coordinator's loop.
class SessionContact final : private LinkObserver, private AttachSink {
 public:
  // `host`: as the store has it. `sink` hears of progress alone.
  SessionContact(EventLoop& loop, Link& link, CoordinatorIdentity identity, const Team& team,
                 const SessionKey& key, const HostMark& host, TransportSink& sink,
                 ContactOwner& owner);
  ~SessionContact() override;
  SessionContact(const SessionContact&) = delete;
  SessionContact& operator=(const SessionContact&) = delete;

  // An event that cannot come now ends the process.
  void Handle(TransportEvent event);
  bool Possible(TransportEvent event) const { return machine_.Possible(event); }
  TransportState state() const { return machine_.state(); }
  bool attached() const { return machine_.attached(); }

  // The contact is still the one to which the asker's environment leads. Where that is just being
  // asked, OnLeadsHere() or OnLinkIsDown() follows.
  bool leads_here() const { return calls_.has_contact() && link_.life() == calls_.life(); }
  // The host has answered in this coordinator's life.
  bool was_up() const { return link_.was_up(); }
  // As Link::no_agent_possible().
  bool no_agent_possible() const { return link_.no_agent_possible(); }
  SessionCalls& calls() { return calls_; }
  const HostMark& host() const { return host_.mark(); }
  // True: that is the host of now, and was not stored before.
  bool OnHostStored(const HostMark& host) { return host_.OnStored(host); }
  bool host_is_stored() const { return host_.is_stored(); }
  const LaunchOffer& launch() const { return launch_; }
  bool may_send() const { return host_.is_stored() && !calls_.is_renewing() && leads_here(); }

  // The team, as it is for whoever asks now.
  const Team& team() const { return team_; }
  void UseAskerOf(const Team& team);
  // The way is the asker's own. What a host has, or is just ending, stays with it as long as there
  // is contact.
  void LendToLink();
  // While somebody waits here, a host that is gone is to be noticed soon.
  void UpdateUrgency();

  // A person asked: from whoever else has the lease, or the claim, at the next contact.
  void TakeOver() { take_lease_ = take_claim_ = true; }
  void ForgetTakeOver() { take_lease_ = take_claim_ = false; }
  // While open. What is started next has this connection's SSH_AUTH_SOCK, and the settings of now.
  // It starts nothing: the answers that are about to be read may need no child any more.
  void Renew();
  // The child, which answers, has said what it was started with.
  void OnChild(const v1::ChildInfo& child);

 private:
  using State = TransportState;
  using Event = TransportEvent;

  void OnLinkProgress(const ConnectProgress& progress) override;
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override;
  void OnLinkDown(const absl::Status& why, bool retries) override;
  void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint& point) override;
  bool MayTakeMore(std::function<void()> on_room) override {
    return owner_.MayTakeMore(std::move(on_room));
  }
  void OnDetached(const absl::Status& why) override;

  // ---- what the machine decides
  void EndContact();  // Tells and the wish for the link stay.
  void LetGo();
  void AwaitVerdict();
  void SeekLink();
  void Acquire();
  void Attach();
  void Open();

  void OnAskedAnew(const std::shared_ptr<LinkLife>& life);
  void LeaveOtherHostBehind();
  bool AgentIsTooOld();
  void OnOpened(const v1::OpenResponse& response);
  void OnNotOpened(const absl::Status& why);
  // A call or the stream ended with `why`.
  void OnContactLost(const absl::Status& why);
  void OnVerdictDue();
  // Runs `task` on the loop unless this is gone by then.
  void Later(std::function<void()> task);

  EventLoop& loop_;
  Link& link_;
  Team team_;
  const std::string from_;
  TransportSink& sink_;
  ContactOwner& owner_;

  TransportMachine machine_;
  SessionCalls calls_;
  SessionHost host_;
  LaunchOffer launch_;
  absl::Status lost_;  // Why; while away.
  EventLoop::TimerId verdict_timer_ = 0;
  bool take_lease_ = false;  // A person asked, and it was not granted yet.
  bool take_claim_ = false;  // The same, of the claim that another host may have.
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SESSION_CONTACT_H_
