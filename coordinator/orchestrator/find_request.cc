#include "coordinator/orchestrator/find_request.h"

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kPrefixBytesMin = 4;
constexpr size_t kIdBytesShown = 100;
constexpr size_t kFixBytesMax = 1000;

absl::Status Bad(const std::string& why, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, why, fix);
}

std::string EndsOf(const AskingSession& session) {
  return absl::StrCat(session.from, ":", session.to);
}

// Those that wait with that id or one that begins so; `team`: of it alone. The hosts choose the
// ids: two may have the same, or one that begins like another's.
std::vector<FoundRequest> RequestsLike(const std::vector<AskingSession>& sessions,
                                       absl::string_view team, absl::string_view id_prefix) {
  std::vector<FoundRequest> found;
  for (size_t i = 0; i < sessions.size(); ++i) {
    const AskingSession& session = sessions[i];
    const bool is_meant = team.empty() || team == session.to || team == EndsOf(session);
    if (!is_meant) continue;
    std::vector<FoundRequest> here;
    for (const v1::PendingRequest& request : *session.requests) {
      if (request.request_id() == id_prefix) {
        here = {{i, &request}};  // Whatever else of this session begins so.
        break;
      }
      if (id_prefix.size() < kPrefixBytesMin) continue;
      if (absl::StartsWith(request.request_id(), id_prefix)) here.push_back({i, &request});
    }
    found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

}  // namespace

absl::StatusOr<FoundRequest> FindRequest(const std::vector<AskingSession>& sessions,
                                         const std::string& id) {
  const size_t colon = id.rfind(':');  // None is in an id.
  const bool has_team = colon != std::string::npos;
  const std::string team = has_team ? id.substr(0, colon) : "";
  const std::string prefix = has_team ? id.substr(colon + 1) : id;
  const std::vector<FoundRequest> found = RequestsLike(sessions, team, prefix);
  if (found.size() == 1) return found.front();
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
  for (const FoundRequest& asked : found) {
    ends.insert(EndsOf(sessions[asked.session]));
    teams.insert(sessions[asked.session].to);
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

}  // namespace iris
