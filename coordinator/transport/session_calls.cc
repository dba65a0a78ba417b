#include "coordinator/transport/session_calls.h"

#include <utility>

#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {
namespace {

// Longer than the link takes to notice that it is dead: then it is the link that was lost.
constexpr absl::Duration kAcquireWithin = absl::Seconds(30);
constexpr absl::Duration kOpenSlack = absl::Seconds(30);  // Beyond the agent's own limit.
constexpr absl::Duration kRenewWithin = absl::Seconds(30);
constexpr absl::Duration kCloseWithin = absl::Seconds(15);
constexpr absl::Duration kCancelWithin = absl::Seconds(30);
constexpr absl::Duration kAnswerWithin = absl::Seconds(30);

void Cancel(AgentChannel::Call& call) {
  if (call != nullptr) call->Cancel();
  call.reset();
}

}  // namespace

const LinkLife& SessionCalls::Contact() const {
  Check(has_contact(), "a host is asked without contact");
  return *life_;
}

void SessionCalls::Begin(std::shared_ptr<LinkLife> life) {
  Check(life != nullptr, "contact begins over a link that is down");
  Drop();
  life_ = std::move(life);
}

void SessionCalls::Drop() {
  for (AgentChannel::Call* const call : {&acquire_, &open_, &renew_, &close_}) Cancel(*call);
  if (attach_ != nullptr) attach_->Cancel();
  attach_.reset();
  life_.reset();
}

void SessionCalls::Acquire(bool takeover, Then then) {
  v1::AcquireRequest request;
  request.set_session_id(session_id_);
  request.set_coordinator_id(identity_.id);
  request.set_label(identity_.label);
  if (takeover) request.set_takeover(true);
  acquire_ = Contact().channel->Acquire(
      request, kAcquireWithin,
      [this, then = std::move(then)](const absl::StatusOr<v1::AcquireResponse>& acquired) {
        acquire_.reset();
        if (acquired.ok()) epoch_ = acquired->epoch();
        then(Annotate(acquired.status(), "leasing the session"));
      });
}

void SessionCalls::Attach(const ReadPoint& after, AttachSink& sink) {
  Check(has_contact() && attach_ == nullptr, "a session is attached twice, or without contact");
  attach_ =
      AttachCall::Start(loop_, life_, {.id = session_id_, .epoch = epoch_, .after = after}, sink);
}

void SessionCalls::Open(const v1::LaunchSpec& spec, bool takeover, absl::Duration within,
                        std::function<void(const absl::StatusOr<v1::OpenResponse>&)> then) {
  v1::OpenRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  *request.mutable_spec() = spec;
  request.set_takeover(takeover);
  open_ = Contact().channel->Open(
      request, within + kOpenSlack,
      [this, then = std::move(then)](const absl::StatusOr<v1::OpenResponse>& opened) {
        open_.reset();
        then(opened);
      });
}

void SessionCalls::Renew(const v1::LaunchSpec& spec, Then then) {
  v1::OpenRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  *request.mutable_spec() = spec;
  request.set_renew(true);
  renew_ = Contact().channel->Open(
      request, kRenewWithin,
      [this, then = std::move(then)](const absl::StatusOr<v1::OpenResponse>& renewed) {
        renew_.reset();
        then(Annotate(renewed.status(), "renewing a launch spec"));
      });
}

void SessionCalls::Close(std::function<void(const absl::StatusOr<bool>&)> then) {
  v1::CloseRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  close_ = Contact().channel->Close(
      request, kCloseWithin,
      [this, then = std::move(then)](const absl::StatusOr<v1::CloseResponse>& closed) {
        close_.reset();
        if (!closed.ok()) return then(Annotate(closed.status(), "ending the session"));
        then(closed->was_running());
      });
}

void SessionCalls::CancelTell(const std::string& tell_id, Then then) {
  v1::CancelTellRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  request.set_tell_id(tell_id);
  Contact().channel->CancelTell(
      request, kCancelWithin,
      [then = std::move(then)](const absl::StatusOr<v1::CancelTellResponse>& cancelled) {
        then(Annotate(cancelled.status(), "cancelling a message"));
      });
}

void SessionCalls::Answer(
    const std::string& request_id, const std::string& json,
    std::function<void(const absl::StatusOr<v1::AnswerRequestResponse>&)> then) {
  v1::AnswerRequestRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  request.set_request_id(request_id);
  request.set_json(json);
  Contact().channel->AnswerRequest(request, kAnswerWithin, std::move(then));
}

}  // namespace iris
