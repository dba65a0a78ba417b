// What the session's claude asks before it goes on, and how it is answered.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/request/request_text.h"
#include "coordinator/transport/agent_transport.h"

namespace iris {
namespace {

constexpr size_t kIdShown = 8;
constexpr size_t kTellIdBytesMax = 36;

// A host may say anything.
bool IsWithinBounds(const v1::PendingRequest& request) {
  return IsRequestId(request.request_id()) && request.json().size() <= kRequestBytesMax &&
         request.tell_id().size() <= kTellIdBytesMax;
}

}  // namespace

void AgentTransport::OnAsked(v1::PendingRequest request) {
  size_t bytes = request.json().size();
  for (const v1::PendingRequest& open : requests_) bytes += open.json().size();
  if (requests_.size() >= kRequestsMax || bytes > kRequestsBytesMax) return;
  if (!IsWithinBounds(request)) {
    return LogWarn("session ", key_.session_id,
                   ": its host passes on a request that nobody can "
                   "be asked");
  }
  request.set_subtype("");  // The text says it.
  const std::string asks =
      absl::StrCat("claude waits for a permission (", RequestText(request), "): iris answer ",
                   request.request_id().substr(0, kIdShown), " allow|deny");
  requests_.push_back(std::move(request));
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnRequests(requests_);
  if (!*alive) return;
  sink_.OnProgress(
      {.stage = TransportProgress::Stage::kWorking, .text = asks, .working = Working()});
}

void AgentTransport::OnAnswered(const std::string& request_id) {
  const auto found = std::find_if(
      requests_.begin(), requests_.end(),
      [&](const v1::PendingRequest& request) { return request.request_id() == request_id; });
  if (found == requests_.end()) return;
  requests_.erase(found);
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnRequests(requests_);
  if (*alive) {
    sink_.OnProgress({.stage = TransportProgress::Stage::kWorking,
                      .text = "claude goes on",
                      .working = Working()});
  }
}

void AgentTransport::Answer(const std::string& request_id, const std::string& json,
                            AnswerDone done) {
  if (calls_.stream() == nullptr) {
    return loop_.Post([done = std::move(done)] {
      done(MakeFailure(v1::FAILURE_UNREACHABLE,
                       "the host is out of reach, and what claude asks waits there",
                       "Answer again when `iris status` shows the link up."));
    });
  }
  calls_.Answer(request_id, json, std::move(done));
}

}  // namespace iris
