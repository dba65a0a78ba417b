#include "coordinator/orchestrator/check_tell.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/ids.h"
#include "common/base/nearest.h"
#include "common/base/quoted.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/transport/prose.h"

namespace iris {
namespace {

constexpr size_t kNamesShown = 10;
constexpr size_t kNameBytesShown = 100;

absl::Status UnknownTeam(absl::string_view name, const Config& config) {
  std::vector<std::string> names;
  for (const Team& team : config.teams) names.push_back(team.name);
  const std::string nearest = Nearest(names, name);
  std::string fix = nearest.empty() ? "" : absl::StrCat("Did you mean ", nearest, "? ");
  if (names.empty()) {
    absl::StrAppend(&fix, config.file, " has no teams: add one.");
  } else {
    names = NearestFirst(std::move(names), name);
    const size_t all = names.size();
    names.resize(std::min(all, kNamesShown));
    absl::StrAppend(&fix, "Teams: ", absl::StrJoin(names, ", "),
                    all > kNamesShown ? absl::StrCat(" and ", all - kNamesShown, " more.") : ".");
  }
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("there is no team ", Quoted(name), " in ", config.file), fix);
}

// Names no team: a model that reads for whom to speak does so.
absl::Status UnknownCaller(absl::string_view name, const Config& config) {
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("the caller ", Quoted(name), " is not a team of ", config.file),
      "Give no caller: Iris knows by the folder who asks. What asks for a team that was configured "
      "when it started has to be started again.");
}

bool MaySend(const Caller& from, const Config& config) {
  switch (from.kind()) {
    case Caller::Kind::kCommandLine:
    case Caller::Kind::kNeutral:
      return true;
    case Caller::Kind::kTeam:
      return config.FindTeam(from.name()) != nullptr;
    case Caller::Kind::kNobody:
      return false;
  }
  return false;
}

}  // namespace

absl::Status CheckTell(const TellSpec& spec) {
  if (!IsUuid(spec.tell_id)) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the id ", Quoted(spec.tell_id), " is no lower-case UUID"),
                       "Give one as uuidgen makes it, or none: then Iris makes it.");
  }
  if (absl::StripAsciiWhitespace(spec.text).empty()) {
    // For a person and for a model.
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "the message is empty",
                       "Write what the team is to do or to answer.");
  }
  if (spec.text.size() + ProseBlankBytes(spec.text) > kTellBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the message is longer than ", kTellBytesMax, " bytes"),
                       "Put it into a file and tell the team where it is.");
  }
  if (!IsUtf8(spec.text)) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "the message is not UTF-8",
                       "Put it into a file and tell the team where it is.");
  }
  return absl::OkStatus();
}

absl::Status StoredAndGone(const TellSpec& spec) {
  return MakeFailure(
      v1::FAILURE_AMBIGUOUS,
      absl::StrCat(
          "message ", spec.tell_id, " to ", CutUtf8(spec.to, kNameBytesShown),
          " was accepted by an earlier coordinator, and is not in the store any more: the "
          "store was removed, put back from a copy, or has forgotten it; the team may have "
          "worked on it"),
      absl::StrCat("Look at what the team did before you send the message again: it would run, "
                   "also under its id, which is not known any more. Once the right store is back, "
                   "`iris tells ",
                   spec.tell_id, "` says what became of it."));
}

absl::Status CheckTeams(const Caller& from, absl::string_view to, const Config& config) {
  if (!MaySend(from, config)) return UnknownCaller(from.name(), config);
  if (config.FindTeam(to) == nullptr) return UnknownTeam(to, config);
  return absl::OkStatus();
}

}  // namespace iris
