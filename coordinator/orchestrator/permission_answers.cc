#include "coordinator/orchestrator/permission_answers.h"

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "coordinator/orchestrator/find_request.h"

namespace iris {
namespace {

using Request = v1::AnswerPermissionRequest;

constexpr size_t kMessageBytesMax = 4 << 10;
constexpr size_t kInputBytesMax = 192 << 10;

absl::Status Bad(absl::string_view why, absl::string_view fix) {
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

std::vector<AskingSession> WhatTheyAsk(const std::vector<PooledSession*>& sessions) {
  std::vector<AskingSession> asking;
  for (const PooledSession* session : sessions) {
    asking.push_back(
        {.from = session->from(), .to = session->to(), .requests = &session->requests()});
  }
  return asking;
}

}  // namespace

void PermissionAnswers::Answer(const Request& request, Done done) {
  const std::vector<PooledSession*> sessions = sessions_();
  const absl::StatusOr<FoundRequest> found =
      FindRequest(WhatTheyAsk(sessions), request.request_id());
  const absl::StatusOr<std::string> answer = AnswerFrom(request);
  const absl::Status bad = !found.ok() ? found.status() : answer.status();
  if (!bad.ok()) return loop_.Post([done = std::move(done), bad] { done(bad); });
  PooledSession& session = *sessions[found->session];
  v1::AnswerPermissionResponse response;
  *response.mutable_permission() = session.Permission(*found->request);
  if (request.verdict() == Request::SHOW) {
    return loop_.Post([done = std::move(done), response] { done(response); });
  }
  response.mutable_permission()->clear_input();
  // Leave() may come before the host's answer.
  const auto waiting = std::make_shared<Done>(std::move(done));
  waiting_.insert(waiting);
  const std::string request_id = found->request->request_id();  // The session may drop its own.
  session.Answer(request_id, *answer,
                 [this, alive = alive_.Watch(), waiting,
                  response](const absl::StatusOr<v1::AnswerRequestResponse>& answered) mutable {
                   if (!alive || waiting_.erase(waiting) == 0) return;
                   if (!answered.ok()) return (*waiting)(answered.status());
                   response.set_answer(answered->json());
                   response.set_was_first(answered->was_first());
                   (*waiting)(response);
                 });
}

void PermissionAnswers::Leave(const absl::Status& why) {
  for (const auto& waiting : std::exchange(waiting_, {})) (*waiting)(why);
}

}  // namespace iris
