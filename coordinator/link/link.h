#ifndef IRIS_COORDINATOR_LINK_LINK_H_
#define IRIS_COORDINATOR_LINK_LINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/environment/environment.h"
#include "coordinator/link/agent_channel.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/credit_shares.h"
#include "coordinator/link/send_window.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One life of a link: from hello to the loss of the wire. Shared by the sessions that use it. For
// the loop alone.
struct LinkLife {
  v1::Hello hello;
  std::unique_ptr<AgentChannel> channel;
  // What may be on its way, from the host and to it.
  CreditShares credit;
  SendWindow send_window;
  // Names the link to its host, the same at every connection and in every life of the coordinator,
  // and says nothing else. Empty: the agent on this machine.
  std::string identity = {};
};

// Hears of the life of a link. On the coordinator's loop, never from inside a call to the link. May
// remove itself and others while it is called.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;
  virtual void OnLinkProgress(const ConnectProgress& progress) = 0;
  virtual void OnLinkUp(const std::shared_ptr<LinkLife>& life) = 0;
  // An attempt failed, or the wire was lost; `why` is typed. `retries`: the link tries again by
  // itself while somebody wants it, so there is no need to ask; else only the next Want() does:
  // nobody wants it, or something has to be mended first.
  virtual void OnLinkDown(const absl::Status& why, bool retries) = 0;
};

// A way to a host, kept up as long as somebody wants it (link_machine.h has its states). Lives on
// the coordinator's loop.
//
//   down ── Want() ──▶ connecting ──▶ up ── lost ──▶ connecting, as soon as it can be
//                          ▲           │
//                          └─ Lend() ──┘ where it leads with that environment is asked first
class Link {
 public:
  virtual ~Link() = default;

  // `observer`, which was added, needs the host from now on. Does nothing more where the link is up
  // or connecting; else an attempt begins at once, and OnLinkUp or OnLinkDown follows.
  virtual void Want(LinkObserver* observer) = 0;
  // Needs it no more. What is up stays up, an attempt goes on to its end. Removing an observer does
  // this too.
  virtual void Unwant(LinkObserver* observer) = 0;
  // Observers outlive the link or remove themselves.
  virtual void AddObserver(LinkObserver* observer) = 0;
  virtual void RemoveObserver(LinkObserver* observer) = 0;
  // Whether `observer`, which wants the link, waits for an answer: while one does, a host that is
  // gone is noticed within 20 s, else within 75 s. Urgent until this was called.
  virtual void SetUrgent(LinkObserver* observer, bool urgent) = 0;
  // The environment of whoever is to be served from now on, null: nobody's. The way is that one's
  // own: where it is another than before, life() is null at once, and OnLinkUp or OnLinkDown
  // follows while somebody wants the link, also where the connection stays the same one. A
  // connection alone, which no environment leads to, does nothing.
  virtual void Lend(const SharedEnvironment& env) = 0;
  // Bytes came over this life's wire, and no answer to a probe: on a slow link that may still be
  // behind them, and the host is not suspected. Cheap.
  virtual void OnTraffic() = 0;
  // Null unless up. Nothing is to be given to another life than this.
  virtual std::shared_ptr<LinkLife> life() const = 0;
  // The last attempt reached the host, and no agent can run there (FAILURE_NO_AGENT_POSSIBLE). Who
  // can do without one may hand over to another transport; the link is tried again when wanted.
  virtual bool no_agent_possible() const = 0;
  // The host has answered in this coordinator's life.
  virtual bool was_up() const = 0;
  virtual v1::LinkStatus Status() const = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_H_
