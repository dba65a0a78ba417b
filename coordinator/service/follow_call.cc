#include "coordinator/service/follow_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"

namespace iris {

FollowCall::FollowCall(CoordinatorService& service, const v1::FollowTellRequest& request)
    : service_(service),
      loop_(service.loop_),
      request_(request),
      updates_(request.tell_id(), [this] { WriteNext(); }) {
  loop_.Post([this] { Begin(); });
}

FollowCall::~FollowCall() {
  --service_.open_calls_;
  if (following_) service_.orchestrator_.RemoveObserver(request_.tell_id(), &updates_);
}

void FollowCall::OnWriteDone(bool ok) {
  loop_.Post([this, ok] {
    writing_ = false;
    client_gone_ = client_gone_ || !ok;
    if (ok && updates_.all_sent()) service_.orchestrator_.MarkFetched(request_.tell_id());
    WriteNext();
  });
}

void FollowCall::OnCancel() {
  loop_.Post([this] {
    client_gone_ = true;
    WriteNext();
  });
}

void FollowCall::OnDone() {
  // Destroyed by the task, not with it: the loop drops tasks after the ones that follow have run.
  loop_.Post([self = std::unique_ptr<FollowCall>(this)]() mutable { self.reset(); });
}

void FollowCall::Begin() {
  ++service_.calls_begun_;
  if (++service_.open_calls_ > CoordinatorService::kOpenCallsMax) {
    End(MakeFailure(v1::FAILURE_BUSY_LIMIT,
                    absl::StrCat(CoordinatorService::kOpenCallsMax, " callers wait already")));
    return;
  }
  // Whoever does not wait must have heard of the progress before WriteNext() ends the call.
  writing_ = true;
  const absl::Status status =
      service_.orchestrator_.Follow(request_.tell_id(), request_.from(), &updates_);
  writing_ = false;
  if (!status.ok()) return End(status);
  following_ = true;
  WriteNext();
}

void FollowCall::WriteNext() {
  if (writing_ || finished_) return;
  if (client_gone_) return End(MakeFailure(v1::FAILURE_CANCELLED, "the caller is gone"));
  if (absl::optional<v1::TellUpdate> next = updates_.Next(); next.has_value()) {
    update_ = *std::move(next);
    writing_ = true;
    StartWrite(&update_);
  } else if (updates_.all_sent() || request_.no_wait()) {
    End(absl::OkStatus());
  }
}

void FollowCall::End(const absl::Status& status) {
  if (std::exchange(finished_, true)) return;
  Finish(ToGrpcStatus(status));
}

}  // namespace iris
