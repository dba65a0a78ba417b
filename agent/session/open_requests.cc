#include "agent/session/open_requests.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "common/log/check.h"
#include "common/request/request_text.h"

namespace iris {
namespace {

constexpr size_t kSubtypeBytesShown = 100;

}  // namespace

OpenRequests::~OpenRequests() {
  if (timer_ != 0) loop_.Cancel(timer_);
}

void OpenRequests::Ask(const std::string& request_id, absl::string_view line,
                       absl::string_view tell_id, absl::string_view why_nobody) {
  if (requests_.Find(request_id) != nullptr) return;
  const ControlRequest asks = ReadControlRequest(line);
  if (!asks.asks_permission()) {
    return sink_.OnRefusal(request_id, absl::StrCat("Iris does not answer ",
                                                    CutUtf8(asks.subtype, kSubtypeBytesShown)));
  }
  v1::PendingRequest request;
  request.set_request_id(request_id);
  request.set_subtype(asks.subtype);
  request.set_tell_id(std::string(tell_id));
  request.set_json(std::string(line));
  const std::string refusal =
      why_nobody.empty() ? WhyUnanswerable(request) : std::string(why_nobody);
  if (!refusal.empty()) return Decide(request_id, Denial(refusal));
  v1::Event asked;
  *asked.mutable_request() = request;
  if (!Wait(std::move(request), /*waited=*/absl::ZeroDuration())) {
    return Decide(request_id, Denial("Too many requests wait for an answer."));
  }
  log_.Append(std::move(asked));
}

std::string OpenRequests::WhyUnanswerable(const v1::PendingRequest& request) const {
  if (!IsRequestId(request.request_id())) return "The request has no id that can be shown.";
  if (request.json().size() > kRequestBytesMax) return "The request is longer than 256 KiB.";
  if (!ParsePeerJson(request.json()).is_object()) return "The request cannot be read.";
  return "";
}

bool OpenRequests::Wait(v1::PendingRequest request, absl::Duration waited) {
  const std::string id = request.request_id(), text = RequestText(request);
  if (!requests_.Add(std::move(request), loop_.now() - waited)) return false;
  sink_.OnAsked(id, text);
  ArmTimer();
  return true;
}

// One timer for all, however many come and go.
void OpenRequests::ArmTimer() {
  if (timer_ != 0 || requests_.empty()) return;
  const absl::Duration waited = loop_.now() - requests_.Since(requests_.oldest());
  timer_ = loop_.After(std::max(absl::ZeroDuration(), patience_ - waited), [this] {
    timer_ = 0;
    DenyOld();
    ArmTimer();
  });
}

// For ever is no answer either.
void OpenRequests::DenyOld() {
  while (!requests_.empty()) {
    const std::string id = requests_.oldest();
    if (loop_.now() - requests_.Since(id) < patience_) return;
    Decide(id,
           Denial(absl::StrCat("Nobody answered within ", absl::FormatDuration(patience_), ".")));
  }
}

absl::StatusOr<v1::AnswerRequestResponse> OpenRequests::Answer(const std::string& request_id,
                                                               absl::string_view answer) {
  v1::AnswerRequestResponse response;
  const v1::PendingRequest* const request = requests_.Find(request_id);
  if (request == nullptr) {
    const std::optional<std::string> counts = requests_.AnswerTo(request_id);
    if (!counts.has_value()) {
      return MakeFailure(v1::FAILURE_BAD_REQUEST,
                         absl::StrCat(who_(), " does not wait for an answer to request ",
                                      request_id, ": it was withdrawn, or claude has ended since"),
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
void OpenRequests::Decide(const std::string& request_id, const std::string& decision) {
  Check(!decision.empty(), "a request is decided by nothing");
  if (requests_.Close(request_id, decision)) SayClosed(request_id, decision);
  sink_.OnDecision(request_id, decision);
}

void OpenRequests::SayClosed(const std::string& request_id, const std::string& decision) {
  v1::Event answered;
  answered.mutable_answered()->set_request_id(request_id);
  answered.mutable_answered()->set_json(decision);
  log_.Append(std::move(answered));
  sink_.OnAnswered(request_id);
}

void OpenRequests::Withdraw(const std::string& request_id) {
  if (requests_.Close(request_id, "")) SayClosed(request_id, "");
}

void OpenRequests::Drop() {
  for (const v1::PendingRequest& request : requests_.Clear()) SayClosed(request.request_id(), "");
}

bool OpenRequests::WaitsIn(absl::string_view tell_id) const {
  const std::vector<v1::PendingRequest> open = requests_.open();
  return std::any_of(open.begin(), open.end(), [tell_id](const v1::PendingRequest& request) {
    return request.tell_id() == tell_id;
  });
}

void OpenRequests::HandOver(handover::Session& state) const {
  for (const v1::PendingRequest& request : requests_.open()) {
    handover::Request& waiting = *state.add_requests();
    waiting.set_request(request.SerializeAsString());
    waiting.set_waited_ms(
        absl::ToInt64Milliseconds(loop_.now() - requests_.Since(request.request_id())));
  }
  for (const auto& [id, json] : requests_.answers()) {
    handover::Answer& answer = *state.add_answers();
    answer.set_request_id(id);
    answer.set_json(json);
  }
}

void OpenRequests::AdoptHandover(const handover::Session& before) {
  for (const handover::Request& waiting : before.requests()) {
    v1::PendingRequest request;
    if (!request.ParseFromString(waiting.request())) continue;
    Wait(std::move(request), absl::Milliseconds(waiting.waited_ms()));
  }
  for (const handover::Answer& answer : before.answers()) {
    requests_.RememberAnswer(answer.request_id(), answer.json());
  }
}

}  // namespace iris
