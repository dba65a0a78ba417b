#include "coordinator/service/tell_call.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"
#include "coordinator/service/visitor_in.h"

namespace iris {

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
    spec_.asker_waits = !frame.detach();
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

void TellCall::Submit() {
  reading_.Set(0);  // The text stays with the store.
  const std::string tell_id = spec_.tell_id;
  const Until until = spec_.asker_waits ? Until::kSettled : Until::kAccepted;
  absl::optional<Caller> reader;
  if (!confirms_) reader = spec_.from;
  Follow(tell_id, until, reader,
         [this](TellObserver* observer) { return parts_.desk.Tell(std::move(spec_), observer); });
}

}  // namespace iris
