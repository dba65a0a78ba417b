#ifndef IRIS_COORDINATOR_TRANSPORT_SESSION_CALLS_H_
#define IRIS_COORDINATOR_TRANSPORT_SESSION_CALLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/agent_channel.h"
#include "coordinator/link/link.h"
#include "coordinator/transport/attach_call.h"
#include "coordinator/transport/read_point.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Who this coordinator is to the agents.
struct CoordinatorIdentity {
  std::string id;     // UUID of its store.
  std::string label;  // "user@host", shown to a coordinator that is fenced.
};

// All that one session asks of its agent, and its lease. A contact lasts from Begin() to Drop(),
// which ends what is under way: of that nothing more is heard, but for CancelTell() and Answer().
//
// `then` and the stream's sink are called on the loop, never from inside a call to this, with
// failures as FromHost() (coordinator/link) has them. Lives on the coordinator's loop.
class SessionCalls {
 public:
  using Then = std::function<void(const absl::Status&)>;

  SessionCalls(EventLoop& loop, std::string session_id, CoordinatorIdentity identity)
      : loop_(loop), session_id_(std::move(session_id)), identity_(std::move(identity)) {}
  ~SessionCalls() { Drop(); }
  SessionCalls(const SessionCalls&) = delete;
  SessionCalls& operator=(const SessionCalls&) = delete;

  // There is contact, over a link that is up.
  void Begin(std::shared_ptr<LinkLife> life);
  void Drop();
  bool has_contact() const { return life_ != nullptr; }
  const std::shared_ptr<LinkLife>& life() const { return life_; }
  const v1::Hello& hello() const { return Contact().hello; }

  // It outlives contacts: most likely it still counts at the next one.
  bool has_lease() const { return epoch_ != 0; }
  void ForgetLease() { epoch_ = 0; }

  // ---- while there is contact, which is checked; one of each at a time
  // OK: this has the lease. `takeover`: from whoever else holds it.
  void Acquire(bool takeover, Then then);
  // Reads on behind `after`; `sink` must stay until OnDetached() or Drop().
  void Attach(const ReadPoint& after, AttachSink& sink);
  // Null: not attached.
  AttachCall* stream() const { return attach_.get(); }
  // In AttachSink::OnDetached().
  void ForgetStream() { attach_.reset(); }
  // Has the child run that `spec` says; `takeover`: also where another host has claimed the
  // session. `within`: what the agent takes at most.
  void Open(const v1::LaunchSpec& spec, bool takeover, absl::Duration within,
            std::function<void(const absl::StatusOr<v1::OpenResponse>&)> then);
  bool is_opening() const { return open_ != nullptr; }
  // What is started next is to be as `spec` says. It starts nothing.
  void Renew(const v1::LaunchSpec& spec, Then then);
  bool is_renewing() const { return renew_ != nullptr; }
  // Ends the child; says whether one ran.
  void Close(std::function<void(const absl::StatusOr<bool>&)> then);
  bool is_closing() const { return close_ != nullptr; }

  // ---- while there is contact; `then` is called also after it, and after the end of this
  void CancelTell(const std::string& tell_id, Then then);
  void Answer(const std::string& request_id, const std::string& json,
              std::function<void(const absl::StatusOr<v1::AnswerRequestResponse>&)> then);

 private:
  // Of the contact that there is.
  const LinkLife& Contact() const;

  EventLoop& loop_;
  const std::string session_id_;
  const CoordinatorIdentity identity_;
  std::shared_ptr<LinkLife> life_;
  uint64_t epoch_ = 0;  // 0: no lease yet.
  AgentChannel::Call acquire_, open_, renew_, close_;
  std::shared_ptr<AttachCall> attach_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SESSION_CALLS_H_
