#include "coordinator/service/tell_call.h"

#include <utility>

#include "common/failure/failure.h"
#include "coordinator/service/visitor_in.h"

namespace iris {

TellCall::TellCall(const ServiceParts& parts)
    : ServerStream(parts.loop),
      parts_(parts),
      reading_(parts.budget),
      answer_text_(parts.loop, parts.desk, parts.budget, [this] { WriteNext(); }) {}

TellCall::~TellCall() {
  parts_.calls.End();
  if (following_) parts_.desk.RemoveObserver(spec_.tell_id, &*updates_);
}

void TellCall::OnBegin() {
  if (absl::Status begun = parts_.calls.Begin(); !begun.ok()) return Finish(begun);
  Read();
}

void TellCall::OnNoMore() {
  Finish(MakeFailure(v1::FAILURE_BAD_REQUEST, "the stream ended before the message was complete"));
}

void TellCall::OnRead(v1::TellRequest& frame) {
  if (std::exchange(first_frame_, false)) {
    spec_.tell_id = frame.tell_id();
    spec_.from = Caller::Named(frame.from());
    spec_.to = frame.to();
    spec_.wait_for_limit = frame.wait_for_limit();
    spec_.wait_for_host = frame.wait_for_host();
    spec_.accepted_before = frame.accepted_before();
    spec_.asker_session = frame.claude_session_id();
    detach_ = frame.detach();
    confirms_ = frame.confirms();
    spec_.environment = EnvironmentIn(frame);
  }
  // One byte too many is enough for the orchestrator to refuse it.
  const size_t room = kTellBytesMax + 1 - spec_.text.size();
  spec_.text.append(frame.text(), 0, room);
  if (frame.last() || spec_.text.size() > kTellBytesMax) return Submit();
  reading_.Set(spec_.text.size());
  if (reading_.MayTakeMore([this] { Read(); })) Read();
}

void TellCall::OnWritten(bool ok) {
  client_gone_ = client_gone_ || !ok;
  const bool whole = ok && updates_->all_sent();
  if (whole && !confirms_) parts_.desk.MarkRead(spec_.tell_id, spec_.from).IgnoreError();
  WriteNext();
}

void TellCall::OnGone() {
  client_gone_ = true;
  WriteNext();
}

void TellCall::Submit() {
  following_ = true;
  updates_.emplace(spec_.tell_id, answer_text_, [this] { WriteNext(); });
  reading_.Set(0);  // The text stays with the store.
  TellSpec spec{.tell_id = spec_.tell_id,
                .from = spec_.from,
                .to = spec_.to,
                .text = std::move(spec_.text),
                .wait_for_limit = spec_.wait_for_limit,
                .wait_for_host = spec_.wait_for_host,
                .accepted_before = spec_.accepted_before,
                .asker_session = spec_.asker_session,
                .asker_waits = !detach_,
                .environment = spec_.environment};
  const absl::Status status = parts_.desk.Tell(std::move(spec), &*updates_);
  if (status.ok()) return;
  following_ = false;
  Finish(status);
}

void TellCall::WriteNext() {
  if (writing() || finished()) return;
  if (client_gone_) return Finish(MakeFailure(v1::FAILURE_CANCELLED, "the caller is gone"));
  if (!updates_.has_value()) return;
  // Nothing is to be written before `accepted`, so that is out.
  if (detach_ && updates_->accepted()) return Finish(absl::OkStatus());
  absl::StatusOr<absl::optional<v1::TellUpdate>> next = updates_->Next();
  if (!next.ok()) return Finish(next.status());
  if (next->has_value()) {
    Write(**std::move(next));
  } else if (updates_->all_sent()) {
    Finish(absl::OkStatus());
  }
}

}  // namespace iris
