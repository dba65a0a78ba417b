#ifndef IRIS_COORDINATOR_LINK_LINK_H_
#define IRIS_COORDINATOR_LINK_LINK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One life of a link: from hello to the loss of the wire. Shared by the sessions that use it.
struct LinkLife {
  v1::Hello hello;
  std::unique_ptr<v1::Agent::Stub> stub;  // Thread-safe.
};

// Hears of the life of a link. On the coordinator's loop, never from inside a call to the link.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;
  virtual void OnLinkProgress(const TransportProgress& progress) = 0;
  virtual void OnLinkUp(const std::shared_ptr<LinkLife>& life) = 0;
  // Connecting failed, or the wire was lost; `why` is typed. The next Connect() tries again.
  virtual void OnLinkDown(const absl::Status& why) = 0;
};

// The one connection to a host. Connects when asked; a lost wire stays down until asked again. Lives on
// the coordinator's loop.
//
//   down ── Connect() ──▶ connecting ──▶ up ──▶ down(why)
class Link {
 public:
  virtual ~Link() = default;

  // OnLinkUp or OnLinkDown follows for every observer; at once where the link is up.
  virtual void Connect() = 0;
  // Observers outlive the link or remove themselves.
  virtual void AddObserver(LinkObserver* observer) = 0;
  virtual void RemoveObserver(LinkObserver* observer) = 0;
  // Null unless up.
  virtual std::shared_ptr<LinkLife> life() const = 0;
  virtual v1::LinkStatus Status() const = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_H_
