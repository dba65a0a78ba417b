#include "agent/session/child_requests.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

json Parse(absl::string_view text) {
  return json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// A member of `object`, or null: the peer's JSON may hold anything.
const json& Member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : kNull;
}

std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::Status NoAnswer(absl::string_view why) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("that answers no request: ", why));
}

}  // namespace

bool ChildRequests::Add(v1::PendingRequest request) {
  size_t bytes = request.json().size();
  for (const v1::PendingRequest& open : open_) bytes += open.json().size();
  if (open_.size() >= kOpenMax || bytes > kAllBytesMax) return false;
  if (Find(request.request_id()) != nullptr) return false;
  open_.push_back(std::move(request));
  return true;
}

const v1::PendingRequest* ChildRequests::Find(absl::string_view request_id) const {
  const auto found = std::find_if(
      open_.begin(), open_.end(),
      [&](const v1::PendingRequest& request) { return request.request_id() == request_id; });
  return found == open_.end() ? nullptr : &*found;
}

bool ChildRequests::Close(absl::string_view request_id, absl::string_view answer) {
  const v1::PendingRequest* const found = Find(request_id);
  if (found == nullptr) return false;
  if (!answer.empty()) answers_.emplace_back(request_id, answer);
  if (answers_.size() > kAnswersKept) answers_.pop_front();
  open_.erase(open_.begin() + (found - open_.data()));
  return true;
}

std::optional<std::string> ChildRequests::AnswerTo(absl::string_view request_id) const {
  for (const auto& [id, answer] : answers_) {
    if (id == request_id) return answer;
  }
  return std::nullopt;
}

absl::StatusOr<std::string> CompleteAnswer(const v1::PendingRequest& request,
                                           absl::string_view answer) {
  if (answer.size() > ChildRequests::kBytesMax) return NoAnswer("it is longer than 256 KiB");
  json decision = Parse(answer);
  const std::string behavior = Text(Member(decision, "behavior"));
  if (behavior == "deny") {
    if (Text(Member(decision, "message")).empty()) decision["message"] = "The answer is no.";
    return Dump(decision);
  }
  if (behavior != "allow") return NoAnswer("its behavior is neither allow nor deny");
  if (!decision.contains("updatedInput")) {
    const json message = Parse(request.json());
    const json& input = Member(Member(message, "request"), "input");
    decision["updatedInput"] = input.is_object() ? input : json::object();
  }
  if (!decision["updatedInput"].is_object()) return NoAnswer("its updatedInput is no object");
  return Dump(decision);
}

std::string Denial(absl::string_view why) {
  return Dump({{"behavior", "deny"}, {"message", std::string(why)}});
}

}  // namespace iris
