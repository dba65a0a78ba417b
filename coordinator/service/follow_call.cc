#include "coordinator/service/follow_call.h"

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "coordinator/caller/caller.h"
#include "coordinator/service/visitor_in.h"

namespace iris {

void FollowCall::OnBegin() {
  if (absl::Status begun = parts_.calls.Begin(); !begun.ok()) return Finish(begun);
  Visitor visitor = VisitorIn(request_);
  visitor.claude_session = request_.claude_session_id();
  request_.clear_environment();  // The tell gets it, if anybody.
  absl::optional<Caller> reader;
  if (!request_.confirms()) reader = Caller::Named(request_.from());
  Follow(request_.tell_id(), request_.no_wait() ? Until::kKnown : Until::kSettled, reader,
         [&](TellObserver* observer) {
           return parts_.desk.Follow(request_.tell_id(), visitor,
                                     /*asker_waits=*/!request_.no_wait(), observer);
         });
}

}  // namespace iris
