// What claude asks, and who answers: permissions and questions wait for AnswerRequest where the
// team is to be asked. (facts: the control protocol of claude 2.1)

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/child_requests.h"
#include "agent/session/session.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "common/log/log.h"
#include "common/request/request_text.h"

namespace iris {
namespace {

constexpr size_t kSubtypeBytesShown = 100;

}  // namespace

// `line` is empty where it was too long to be kept.
void Session::OnRequest(const std::string& request_id, absl::string_view line) {
  if (requests_.Find(request_id) != nullptr) return;
  const ControlRequest asked_for = ReadControlRequest(line);
  if (!asked_for.asks_permission()) {
    return child_->Refuse(request_id, absl::StrCat("Iris does not answer ",
                                                   CutUtf8(asked_for.subtype, kSubtypeBytesShown)));
  }
  v1::PendingRequest request;
  request.set_request_id(request_id);
  request.set_subtype(asked_for.subtype);
  if (turn_ != nullptr) request.set_tell_id(turn_->tell_id);
  request.set_json(std::string(line));
  const std::string refusal = WhyNobodyIsAsked(request);
  if (!refusal.empty()) return Decide(request_id, Denial(refusal));
  v1::Event asked;
  *asked.mutable_request() = request;
  if (!WaitForAnswer(std::move(request))) {
    return Decide(request_id, Denial("Too many requests wait for an answer."));
  }
  log_.Append(std::move(asked));
}

std::string Session::WhyNobodyIsAsked(const v1::PendingRequest& request) const {
  if (!spec_.newest().ask_permissions()) return "Iris cannot ask anybody here.";
  if (phase() != Phase::kReady) return "This session is being ended.";
  if (!IsRequestId(request.request_id())) return "The request has no id that can be shown.";
  if (request.json().size() > kRequestBytesMax) return "The request is longer than 256 KiB.";
  if (!ParsePeerJson(request.json()).is_object()) return "The request cannot be read.";
  return "";
}

bool Session::WaitForAnswer(v1::PendingRequest request, absl::Duration waited) {
  const std::string id = request.request_id(), text = RequestText(request);
  const absl::Duration since = loop_.now() - waited;
  if (!requests_.Add(std::move(request), since)) return false;
  stall_.OnAsked(id, text, StallNow());
  ArmRequestTimer();
  return true;
}

// One timer for all, however many come and go.
void Session::ArmRequestTimer() {
  if (request_timer_ != 0 || requests_.empty()) return;
  const absl::Duration waited = loop_.now() - requests_.Since(requests_.oldest());
  const absl::Duration left = identity_.request_patience - waited;
  request_timer_ = loop_.After(std::max(absl::ZeroDuration(), left), [this] {
    request_timer_ = 0;
    DenyOldRequests();
    ArmRequestTimer();
  });
}

// For ever is no answer either.
void Session::DenyOldRequests() {
  while (!requests_.empty()) {
    const std::string id = requests_.oldest();
    if (loop_.now() - requests_.Since(id) < identity_.request_patience) return;
    Decide(id, Denial(absl::StrCat("Nobody answered within ",
                                   absl::FormatDuration(identity_.request_patience), ".")));
  }
}

absl::StatusOr<v1::AnswerRequestResponse> Session::AnswerRequest(const std::string& request_id,
                                                                 absl::string_view answer) {
  v1::AnswerRequestResponse response;
  const v1::PendingRequest* const request = requests_.Find(request_id);
  if (request == nullptr) {
    const std::optional<std::string> counts = requests_.AnswerTo(request_id);
    if (!counts.has_value()) {
      return MakeFailure(v1::FAILURE_BAD_REQUEST,
                         absl::StrCat(Who(), " does not wait for an answer to request ", request_id,
                                      ": it was withdrawn, or claude has ended since"),
                         kFixListRequests);
    }
    response.set_json(*counts);
    return response;
  }
  const absl::StatusOr<std::string> decision = CompleteAnswer(*request, answer);
  if (!decision.ok()) return decision.status();
  Decide(request_id, *decision);
  response.set_json(*decision);
  response.set_was_first(true);
  return response;
}

// In the journal first: who reads it must not take the request for one that waits.
void Session::Decide(const std::string& request_id, const std::string& decision) {
  if (requests_.Close(request_id, decision)) SayClosed(request_id, decision);
  child_->Decide(request_id, decision);
}

void Session::SayClosed(const std::string& request_id, const std::string& decision) {
  v1::Event answered;
  answered.mutable_answered()->set_request_id(request_id);
  answered.mutable_answered()->set_json(decision);
  log_.Append(std::move(answered));
  stall_.OnAnswered(request_id, StallNow());
}

void Session::OnDeaf() {
  const absl::Status why = MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(Who(), " asked without end, read none of the answers, and was ended"));
  LogWarn(why.message());
  const bool was_starting = phase() == Phase::kStarting;
  if (turn_ != nullptr) SettleInFlight(UnlessInTranscript(UnlessCancelled(why)));
  BeginClosing(absl::ZeroDuration(), v1::Exited::WEDGED);
  if (was_starting) FailStart(why);
}

void Session::OnRequestWithdrawn(const std::string& request_id) {
  if (requests_.Close(request_id, "")) SayClosed(request_id, "");
}

void Session::DropRequests() {
  for (const v1::PendingRequest& request : requests_.Clear()) SayClosed(request.request_id(), "");
}

}  // namespace iris
