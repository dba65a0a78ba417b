#ifndef IRIS_COORDINATOR_TRANSPORT_HOST_NEWS_H_
#define IRIS_COORDINATOR_TRANSPORT_HOST_NEWS_H_

#include <cstdint>
#include <vector>

#include "common/base/alive_flag.h"
#include "coordinator/transport/cancelled_tells.h"
#include "coordinator/transport/child_ending.h"
#include "coordinator/transport/child_report.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/session_contact.h"
#include "coordinator/transport/tell_sender.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_reader.h"
#include "coordinator/transport/turn_relay.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What comes from a session's host over the stream: passes each news on to the part that it is for,
// and decides with the first of a stream what the contact goes on with. Lives on the loop; a call
// may lead to the end of this.
class HostNews {
 public:
  struct Parts {
    SessionContact& contact;
    PendingTells& tells;
    TellSender& sender;
    TurnRelay& turns;
    ChildReport& child;
    CancelledTells& cancels;
    ChildEnding& ending;
    TransportSink& sink;
  };
  explicit HostNews(const Parts& parts) : parts_(parts) {}
  HostNews(const HostNews&) = delete;
  HostNews& operator=(const HostNews&) = delete;

  // As AttachSink has it.
  void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint& point);
  // A child answers: as the stream says, or what opened it.
  void BecomeReady(const v1::ChildInfo& child);
  // Payload of all that came.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  void Apply(SessionNews& item);
  void OnAttached(const SessionNews& attached);
  bool SettleWhatCannotBeAsked(bool journal_is_known);
  bool OnAttachedToCancel();

  const Parts parts_;
  uint64_t bytes_read_ = 0;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_HOST_NEWS_H_
