// What claude asks, and who answers: permissions and questions wait for AnswerRequest where the
// team is to be asked. (facts: the control protocol of claude 2.1)

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/child_requests.h"
#include "agent/session/session.h"
#include "common/failure/failure.h"
#include "common/request/request_text.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

constexpr char kCanUseTool[] = "can_use_tool";

std::string Text(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

json Parse(absl::string_view line) {
  return json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
}

}  // namespace

void Session::OnControlRequest(absl::string_view line) {
  const json message = Parse(line);
  v1::PendingRequest request;
  request.set_request_id(Text(message, "request_id"));
  if (request.request_id().empty() || !message.contains("request")) return;
  request.set_subtype(Text(message["request"], "subtype"));
  if (request.subtype() != kCanUseTool) {
    return TellChild({{"request_id", request.request_id()},
                      {"subtype", "error"},
                      {"error", absl::StrCat("Iris does not answer ", request.subtype())}});
  }
  if (in_flight_ != nullptr) request.set_tell_id(*in_flight_);
  if (line.size() > ChildRequests::kBytesMax) {
    return Decide(request.request_id(), Denial("The request is longer than 256 KiB."));
  }
  request.set_json(std::string(line));
  const std::string refusal = WhyNobodyIsAsked();
  if (!refusal.empty()) return Decide(request.request_id(), Denial(refusal));
  v1::Event asked;
  *asked.mutable_request() = request;
  if (!WaitForAnswer(std::move(request))) {
    return Decide(asked.request().request_id(), Denial("Too many requests wait for an answer."));
  }
  Append(std::move(asked));
}

// False: it cannot wait.
bool Session::WaitForAnswer(v1::PendingRequest request) {
  const std::string id = request.request_id(), text = RequestText(request);
  if (!requests_.Add(std::move(request))) return false;
  stall_.OnAsked(id, text, StallNow());
  // For ever is no answer either.
  loop_.After(identity_.request_patience, [this, alive = std::weak_ptr<bool>(alive_), id] {
    if (alive.expired() || requests_.Find(id) == nullptr) return;
    Decide(id, Denial(absl::StrCat("Nobody answered within ",
                                   absl::FormatDuration(identity_.request_patience), ".")));
  });
  return true;
}

// Empty: somebody may answer.
std::string Session::WhyNobodyIsAsked() const {
  if (!spec_.ask_permissions()) return "Iris cannot ask anybody here.";
  if (phase_ != Phase::kReady) return "This session is being ended.";
  return "";
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
                         "`iris answer` lists what waits.");
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
  TellChild({{"request_id", request_id}, {"subtype", "success"}, {"response", Parse(decision)}});
}

void Session::SayClosed(const std::string& request_id, const std::string& decision) {
  v1::Event answered;
  answered.mutable_answered()->set_request_id(request_id);
  answered.mutable_answered()->set_json(decision);
  Append(std::move(answered));
  stall_.OnAnswered(request_id, StallNow());
}

void Session::TellChild(const json& response) {
  if (child_ == nullptr) return;
  child_->Write(json({{"type", "control_response"}, {"response", response}})
                    .dump(-1, ' ', false, json::error_handler_t::replace) +
                "\n");
}

void Session::OnRequestWithdrawn(absl::string_view line) {
  const std::string request_id = Text(Parse(line), "request_id");
  if (requests_.Close(request_id, "")) SayClosed(request_id, "");
}

absl::Status Session::PermissionLost() const {
  if (end_reason_ == v1::Exited::CLOSED) {
    return MakeFailure(
        v1::FAILURE_CANCELLED,
        absl::StrCat(Who(), " was ended on request while it waited for a permission"));
  }
  return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                     absl::StrCat(Who(), " was cut off while it waited for a permission, and took "
                                         "that for a no"),
                     "Send the message again, and answer what it asks.");
}

void Session::DropRequests() {
  for (const v1::PendingRequest& request : requests_.Clear()) SayClosed(request.request_id(), "");
}

}  // namespace iris
