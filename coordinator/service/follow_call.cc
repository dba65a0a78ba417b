#include "coordinator/service/follow_call.h"

#include <string>
#include <utility>

#include "common/failure/failure.h"
#include "coordinator/service/visitor_in.h"

namespace iris {

FollowCall::FollowCall(const ServiceParts& parts, const v1::FollowTellRequest& request)
    : ServerReplies(parts.loop),
      parts_(parts),
      request_(request),
      answer_text_(parts.loop, parts.desk, parts.budget, [this] { WriteNext(); }),
      updates_(request.tell_id(), answer_text_, [this] { WriteNext(); }) {}

FollowCall::~FollowCall() {
  parts_.calls.End();
  if (following_) parts_.desk.RemoveObserver(request_.tell_id(), &updates_);
}

void FollowCall::OnBegin() {
  if (absl::Status begun = parts_.calls.Begin(); !begun.ok()) return Finish(begun);
  // Whoever does not wait must have heard of the progress before WriteNext() ends the call.
  beginning_ = true;
  Visitor visitor = VisitorIn(request_);
  visitor.claude_session = request_.claude_session_id();
  const absl::Status status = parts_.desk.Follow(request_.tell_id(), visitor,
                                                 /*asker_waits=*/!request_.no_wait(), &updates_);
  following_ = status.ok();
  request_.clear_environment();  // The tell has it, if anybody.
  beginning_ = false;
  if (!status.ok()) return Finish(status);
  WriteNext();
}

void FollowCall::OnWritten(bool ok) {
  client_gone_ = client_gone_ || !ok;
  const bool whole = ok && updates_.all_sent();
  if (whole && !request_.confirms()) {
    parts_.desk.MarkRead(request_.tell_id(), Caller::Named(request_.from())).IgnoreError();
  }
  WriteNext();
}

void FollowCall::OnGone() {
  client_gone_ = true;
  WriteNext();
}

void FollowCall::WriteNext() {
  if (beginning_ || writing() || finished()) return;
  if (client_gone_) return Finish(MakeFailure(v1::FAILURE_CANCELLED, "the caller is gone"));
  absl::StatusOr<absl::optional<v1::TellUpdate>> next = updates_.Next();
  if (!next.ok()) return Finish(next.status());
  if (next->has_value()) {
    Write(**std::move(next));
  } else if (updates_.all_sent() || (request_.no_wait() && !updates_.settled())) {
    Finish(absl::OkStatus());
  }
}

}  // namespace iris
