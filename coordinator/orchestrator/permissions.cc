// What teams ask before they go on, and what they are told.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

using Request = v1::AnswerPermissionRequest;

constexpr size_t kPrefixBytesMin = 4;
constexpr size_t kIdBytesShown = 100;
constexpr size_t kMessageBytesMax = 4 << 10;
constexpr size_t kInputBytesMax = 192 << 10;

absl::Status Bad(const std::string& why, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, why, fix);
}

// As the agent takes it.
absl::StatusOr<std::string> AnswerFrom(const Request& request) {
  if (request.message().size() > kMessageBytesMax || request.input().size() > kInputBytesMax) {
    return Bad("the answer is longer than 4 KiB of message or 192 KiB of input", "Shorten it.");
  }
  PeerJson answer;
  if (request.verdict() == Request::DENY) {
    answer = {{"behavior", "deny"}};
    if (!request.message().empty()) answer["message"] = request.message();
  } else {
    answer = {{"behavior", "allow"}};
    if (!request.input().empty()) {
      answer["updatedInput"] = ParsePeerJson(request.input());
      if (!answer["updatedInput"].is_object()) {
        return Bad("the input is not a JSON object", "Take the one that was asked for as a model.");
      }
    }
  }
  return DumpPeerJson(answer);
}

}  // namespace

absl::StatusOr<Orchestrator::Asked> Orchestrator::FindRequest(const std::string& id_prefix) const {
  const std::string shown = absl::Utf8SafeCEscape(CutUtf8(id_prefix, kIdBytesShown));
  for (const auto& [session_id, queue] : queues_) {
    if (queue.session == nullptr) continue;
    for (const v1::PendingRequest& request : queue.session->requests()) {
      if (request.request_id() == id_prefix) return Asked{queue.session, request};
    }
  }
  if (id_prefix.size() < kPrefixBytesMin) {
    return Bad(absl::StrCat("\"", shown, "\" is too short"), "Give 4 characters of the id or more.");
  }
  std::vector<Asked> found;
  for (const auto& [session_id, queue] : queues_) {
    if (queue.session == nullptr) continue;
    for (const v1::PendingRequest& request : queue.session->requests()) {
      if (absl::StartsWith(request.request_id(), id_prefix)) {
        found.push_back({queue.session, request});
      }
    }
  }
  if (found.empty()) {
    return Bad(absl::StrCat("nothing that waits for an answer has the id \"", shown, "\""),
               "`iris answer` lists what waits.");
  }
  if (found.size() > 1) {
    return Bad(absl::StrCat(found.size(), " requests have ids that begin with ", shown),
               "Give more of it.");
  }
  return found.front();
}

void Orchestrator::AnswerPermission(const Request& request, AnswerDone done) {
  const absl::StatusOr<Asked> asked = FindRequest(request.request_id());
  const absl::StatusOr<std::string> answer = AnswerFrom(request);
  const absl::Status bad = !asked.ok() ? asked.status() : answer.status();
  if (!bad.ok()) return loop_.Post([done = std::move(done), bad] { done(bad); });
  v1::AnswerPermissionResponse response;
  *response.mutable_permission() = asked->session->Permission(asked->request);
  if (request.verdict() == Request::SHOW) {
    return loop_.Post([done = std::move(done), response] { done(response); });
  }
  response.mutable_permission()->clear_input();
  // Leave() may come before the host's answer.
  const auto waiting = std::make_shared<AnswerDone>(std::move(done));
  answering_.insert(waiting);
  asked->session->Answer(asked->request.request_id(), *answer,
                         [this, alive = std::weak_ptr<bool>(alive_), waiting, response](
                             const absl::StatusOr<v1::AnswerRequestResponse>& answered) mutable {
                           if (alive.expired() || answering_.erase(waiting) == 0) return;
                           if (!answered.ok()) return (*waiting)(answered.status());
                           response.set_answer(answered->json());
                           response.set_was_first(answered->was_first());
                           (*waiting)(response);
                         });
}

}  // namespace iris
