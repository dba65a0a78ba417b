#include "coordinator/service/tell_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/service/lent_env.h"

namespace iris {

TellCall::TellCall(CoordinatorService& service) : service_(service), loop_(service.loop_) {
  loop_.Post([this] { Begin(); });
}

TellCall::~TellCall() {
  --service_.open_calls_;
  if (following_) service_.orchestrator_.RemoveObserver(spec_.tell_id, &*updates_);
}

void TellCall::OnReadDone(bool ok) {
  loop_.Post([this, ok] { TakeFrame(ok); });
}

void TellCall::OnWriteDone(bool ok) {
  loop_.Post([this, ok] {
    writing_ = false;
    client_gone_ = client_gone_ || !ok;
    if (ok && updates_->all_sent()) service_.orchestrator_.MarkFetched(spec_.tell_id);
    WriteNext();
  });
}

void TellCall::OnCancel() {
  loop_.Post([this] {
    client_gone_ = true;
    WriteNext();
  });
}

void TellCall::OnDone() {
  // Destroyed by the task, not with it: the loop drops tasks after the ones that follow have run.
  loop_.Post([self = std::unique_ptr<TellCall>(this)]() mutable { self.reset(); });
}

void TellCall::Begin() {
  ++service_.calls_begun_;
  if (++service_.open_calls_ > CoordinatorService::kOpenCallsMax) {
    End(MakeFailure(v1::FAILURE_BUSY_LIMIT,
                    absl::StrCat(CoordinatorService::kOpenCallsMax, " callers wait already")));
    return;
  }
  StartRead(&frame_);
}

void TellCall::TakeFrame(bool ok) {
  if (finished_) return;
  if (!ok) {
    End(MakeFailure(v1::FAILURE_BAD_REQUEST, "the stream ended before the message was complete"));
    return;
  }
  if (std::exchange(first_frame_, false)) {
    spec_.tell_id = frame_.tell_id();
    spec_.from = frame_.from();
    spec_.to = frame_.to();
    detach_ = frame_.detach();
    service_.daemon_.Lend(LentEnv(frame_.lent_env()));
  }
  // One byte too many is enough for the orchestrator to refuse it.
  const size_t room = kTellBytesMax + 1 - spec_.text.size();
  spec_.text.append(frame_.text(), 0, room);
  if (frame_.last() || spec_.text.size() > kTellBytesMax) {
    Submit();
    return;
  }
  StartRead(&frame_);
}

void TellCall::Submit() {
  following_ = true;
  updates_.emplace(spec_.tell_id, [this] { WriteNext(); });
  // The text stays with the store.
  TellSpec spec{
      .tell_id = spec_.tell_id, .from = spec_.from, .to = spec_.to, .text = std::move(spec_.text)};
  absl::Status status = service_.orchestrator_.Tell(std::move(spec), &*updates_);
  if (status.ok()) return;
  following_ = false;
  End(status);
}

void TellCall::WriteNext() {
  if (writing_ || finished_) return;
  if (client_gone_) return End(MakeFailure(v1::FAILURE_CANCELLED, "the caller is gone"));
  // Nothing is to be written before `accepted`, so that is out.
  if (detach_ && updates_->accepted()) return End(absl::OkStatus());
  if (absl::optional<v1::TellUpdate> next = updates_->Next(); next.has_value()) {
    update_ = *std::move(next);
    writing_ = true;
    StartWrite(&update_);
  } else if (updates_->all_sent()) {
    End(absl::OkStatus());
  }
}

void TellCall::End(const absl::Status& status) {
  if (std::exchange(finished_, true)) return;
  Finish(ToGrpcStatus(status));
}

}  // namespace iris
