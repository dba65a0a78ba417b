#include "coordinator/service/follow_call.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/service/lent_env.h"

namespace iris {

FollowCall::FollowCall(CoordinatorService& service, const v1::FollowTellRequest& request)
    : ServerReplies(service.loop_),
      service_(service),
      request_(request),
      answer_text_(service.loop_, service.orchestrator_, service.budget_, [this] { WriteNext(); }),
      updates_(request.tell_id(), answer_text_, [this] { WriteNext(); }) {}

FollowCall::~FollowCall() {
  --service_.open_calls_;
  if (following_) service_.orchestrator_.RemoveObserver(request_.tell_id(), &updates_);
}

void FollowCall::OnBegin() {
  ++service_.calls_begun_;
  if (++service_.open_calls_ > CoordinatorService::kOpenCallsMax) {
    Finish(MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(CoordinatorService::kOpenCallsMax, " callers wait already")));
    return;
  }
  // Whoever does not wait must have heard of the progress before WriteNext() ends the call.
  beginning_ = true;
  const absl::Status status = service_.orchestrator_.Follow(
      request_.tell_id(), Caller::Named(request_.from()), &updates_,
      request_.no_wait() ? std::string() : request_.claude_session_id());
  following_ = status.ok();
  if (following_ && request_.has_environment()) {
    service_.AskForOne(request_.tell_id(), Caller::Named(request_.from()), EnvironmentOf(request_.environment()));
  }
  request_.clear_environment();  // The tell has it, if anybody.
  beginning_ = false;
  if (!status.ok()) return Finish(status);
  WriteNext();
}

void FollowCall::OnWritten(bool ok) {
  client_gone_ = client_gone_ || !ok;
  const bool whole = ok && updates_.all_sent();
  if (whole && !request_.confirms()) service_.orchestrator_.MarkFetched(request_.tell_id());
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
