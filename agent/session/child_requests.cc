#include "agent/session/child_requests.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "common/request/request_text.h"

namespace iris {
namespace {

absl::Status NoAnswer(absl::string_view why) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("that answers no request: ", why));
}

}  // namespace

std::vector<v1::PendingRequest> ChildRequests::open() const {
  std::vector<v1::PendingRequest> requests;
  for (const Waiting& waiting : open_) requests.push_back(waiting.request);
  return requests;
}

bool ChildRequests::Add(v1::PendingRequest request, absl::Duration since) {
  size_t bytes = request.json().size();
  for (const Waiting& waiting : open_) bytes += waiting.request.json().size();
  if (open_.size() >= kOpenMax || bytes > kAllBytesMax) return false;
  if (Find(request.request_id()) != nullptr) return false;
  open_.push_back({std::move(request), since});
  return true;
}

const ChildRequests::Waiting* ChildRequests::Look(absl::string_view request_id) const {
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const Waiting& waiting) {
    return waiting.request.request_id() == request_id;
  });
  return found == open_.end() ? nullptr : &*found;
}

const v1::PendingRequest* ChildRequests::Find(absl::string_view request_id) const {
  const Waiting* const found = Look(request_id);
  return found == nullptr ? nullptr : &found->request;
}

absl::Duration ChildRequests::Since(absl::string_view request_id) const {
  const Waiting* const found = Look(request_id);
  return found == nullptr ? absl::InfiniteDuration() : found->since;
}

bool ChildRequests::Close(absl::string_view request_id, absl::string_view answer) {
  const Waiting* const found = Look(request_id);
  if (found == nullptr) return false;
  if (!answer.empty()) RememberAnswer(request_id, answer);
  open_.erase(open_.begin() + (found - open_.data()));
  return true;
}

void ChildRequests::RememberAnswer(absl::string_view request_id, absl::string_view answer) {
  answers_.emplace_back(request_id, answer);
  if (answers_.size() > kAnswersKept) answers_.pop_front();
}

std::optional<std::string> ChildRequests::AnswerTo(absl::string_view request_id) const {
  for (const auto& [id, answer] : answers_) {
    if (id == request_id) return answer;
  }
  return std::nullopt;
}

std::vector<v1::PendingRequest> ChildRequests::Clear() {
  std::vector<v1::PendingRequest> requests = open();
  open_.clear();
  answers_.clear();
  return requests;
}

absl::StatusOr<std::string> CompleteAnswer(const v1::PendingRequest& request,
                                           absl::string_view answer) {
  if (answer.size() > kRequestBytesMax) return NoAnswer("it is longer than 256 KiB");
  PeerJson decision = ParsePeerJson(answer);
  const std::string behavior = TextIn(decision, "behavior");
  if (behavior == "deny") {
    if (TextIn(decision, "message").empty()) decision["message"] = "The answer is no.";
    return DumpPeerJson(decision);
  }
  if (behavior != "allow") return NoAnswer("its behavior is neither allow nor deny");
  if (!decision.contains("updatedInput")) {
    const PeerJson message = ParsePeerJson(request.json());
    const PeerJson& input = MemberOf(MemberOf(message, "request"), "input");
    decision["updatedInput"] = input.is_object() ? input : PeerJson::object();
  }
  if (!decision["updatedInput"].is_object()) return NoAnswer("its updatedInput is no object");
  return DumpPeerJson(decision);
}

std::string Denial(absl::string_view why) {
  return DumpPeerJson({{"behavior", "deny"}, {"message", std::string(why)}});
}

}  // namespace iris
