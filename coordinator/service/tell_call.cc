#include "coordinator/service/tell_call.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/service/lent_env.h"

namespace iris {
namespace {

constexpr size_t kFrameBytesMax = 256 << 10;

}  // namespace

TellCall::TellCall(CoordinatorService& service) : service_(service), loop_(service.loop_) {
  loop_.Post([this] { Begin(); });
}

TellCall::~TellCall() {
  --service_.open_calls_;
  if (following_) service_.orchestrator_.RemoveObserver(spec_.tell_id, this);
}

void TellCall::OnReadDone(bool ok) {
  loop_.Post([this, ok] { TakeFrame(ok); });
}

void TellCall::OnWriteDone(bool ok) {
  loop_.Post([this, ok] {
    writing_ = false;
    client_gone_ = client_gone_ || !ok;
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
  // The text stays with the store.
  TellSpec spec{
      .tell_id = spec_.tell_id, .from = spec_.from, .to = spec_.to, .text = std::move(spec_.text)};
  if (absl::Status status = service_.orchestrator_.Tell(std::move(spec), this); !status.ok()) {
    following_ = false;
    End(status);
  }
}

void TellCall::OnAccepted(const std::string& session_id) {
  accepted_.emplace();
  accepted_->mutable_accepted()->set_tell_id(spec_.tell_id);
  accepted_->mutable_accepted()->set_session_id(session_id);
  WriteNext();
}

void TellCall::OnProgress(const v1::TellProgress& progress) {
  // A reader that is slow misses what is old, and nothing piles up.
  progress_.emplace();
  *progress_->mutable_progress() = progress;
  WriteNext();
}

void TellCall::OnSettled(const TellOutcome& outcome) {
  following_ = false;
  outcome_ = outcome;
  WriteNext();
}

void TellCall::WriteNext() {
  if (writing_ || finished_) return;
  if (client_gone_) {
    End(MakeFailure(v1::FAILURE_CANCELLED, "the caller is gone"));
  } else if (accepted_.has_value()) {
    Write(*std::exchange(accepted_, absl::nullopt));
  } else if (detach_ || settled_sent_) {
    // Nothing is to be written before `accepted`, so that is out.
    End(absl::OkStatus());
  } else if (progress_.has_value()) {
    Write(*std::exchange(progress_, absl::nullopt));
  } else if (outcome_.has_value() && answer_sent_ < outcome_->answer->size()) {
    Write(AnswerFrame());
  } else if (outcome_.has_value()) {
    settled_sent_ = true;
    Write(SettledUpdate());
  }
}

v1::TellUpdate TellCall::AnswerFrame() {
  const std::string& answer = *outcome_->answer;
  const size_t size = std::min(kFrameBytesMax, answer.size() - answer_sent_);
  v1::TellUpdate update;
  update.set_answer(answer.data() + answer_sent_, size);
  answer_sent_ += size;
  return update;
}

v1::TellUpdate TellCall::SettledUpdate() const {
  v1::TellUpdate update;
  v1::TellSettled* settled = update.mutable_settled();
  if (!outcome_->status.ok()) *settled->mutable_failure() = ToProto(outcome_->status);
  settled->set_answer_bytes(outcome_->answer->size());
  settled->set_duration_ms(absl::ToInt64Milliseconds(outcome_->duration));
  return update;
}

void TellCall::Write(v1::TellUpdate update) {
  update_ = std::move(update);
  writing_ = true;
  StartWrite(&update_);
}

void TellCall::End(const absl::Status& status) {
  if (std::exchange(finished_, true)) return;
  Finish(ToGrpcStatus(status));
}

}  // namespace iris
