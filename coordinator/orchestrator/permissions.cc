// What teams ask before they go on, and what they are told.

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

using Request = v1::AnswerPermissionRequest;

constexpr size_t kPrefixBytesMin = 4;
constexpr size_t kIdBytesShown = 100;
constexpr size_t kFixBytesMax = 1000;
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

// The hosts choose the ids: two may have the same, or one that begins like another's.
std::vector<Orchestrator::Asked> Orchestrator::RequestsLike(absl::string_view team,
                                                            absl::string_view id_prefix) const {
  std::vector<Asked> found;
  for (const auto& [session_id, queue] : queues_) {
    PooledSession* const session = queue.session;
    if (session == nullptr) continue;
    const bool is_meant = team.empty() || team == session->to() ||
                          team == absl::StrCat(session->from(), ":", session->to());
    if (!is_meant) continue;
    std::vector<Asked> here;
    for (const v1::PendingRequest& request : session->requests()) {
      if (request.request_id() == id_prefix) {
        here = {{session, request}};  // Whatever else of this session begins so.
        break;
      }
      if (id_prefix.size() < kPrefixBytesMin) continue;
      if (absl::StartsWith(request.request_id(), id_prefix)) here.push_back({session, request});
    }
    found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

absl::StatusOr<Orchestrator::Asked> Orchestrator::FindRequest(const std::string& id) const {
  const size_t colon = id.rfind(':');  // None is in an id.
  const bool has_team = colon != std::string::npos;
  const std::string team = has_team ? id.substr(0, colon) : "";
  const std::string prefix = has_team ? id.substr(colon + 1) : id;
  std::vector<Asked> found = RequestsLike(team, prefix);
  if (found.size() == 1) return std::move(found.front());
  const std::string shown = absl::Utf8SafeCEscape(CutUtf8(id, kIdBytesShown));
  if (found.empty() && prefix.size() < kPrefixBytesMin) {
    return Bad(absl::StrCat("\"", shown, "\" is too short"),
               "Give 4 characters of the id or more.");
  }
  if (found.empty()) {
    return Bad(absl::StrCat("nothing that waits for an answer has the id \"", shown, "\""),
               "`iris answer` lists what waits.");
  }
  std::set<std::string> ends, teams;
  for (const Asked& asked : found) {
    ends.insert(absl::StrCat(asked.session->from(), ":", asked.session->to()));
    teams.insert(asked.session->to());
  }
  const std::string what =
      absl::StrCat(found.size(), " requests have ids that are ", shown, " or begin so");
  if (ends.size() == 1) return Bad(what, "Give more of it.");
  // Each way to say it fits one of them.
  const std::set<std::string>& names = teams.size() == ends.size() ? teams : ends;
  const auto name = [&prefix](std::string* out, const std::string& of) {
    absl::StrAppend(out, of, ":", prefix);
  };
  return Bad(
      absl::StrCat(what, ", of teams ", absl::StrJoin(teams, ", ")),
      absl::StrCat("Say whose: ", CutUtf8(absl::StrJoin(names, " or ", name), kFixBytesMax)));
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
