#include "coordinator/cli/tell_id.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/quoted.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kShownMin = 8;
constexpr size_t kNamedMax = 10;
constexpr size_t kBeginsMin = 4;

size_t CommonCharacters(const std::string& a, const std::string& b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(differ.first - a.begin());
}

}  // namespace

size_t IdCharactersShown(const v1::ListTellsResponse& tells) {
  std::vector<std::string> ids;
  for (const v1::TellSummary& tell : tells.tells()) ids.push_back(tell.tell_id());
  std::sort(ids.begin(), ids.end());
  size_t shown = kShownMin;
  for (size_t i = 1; i < ids.size(); ++i) {
    shown = std::max(shown, CommonCharacters(ids[i - 1], ids[i]) + 1);
  }
  return shown;
}

std::string ShortId(absl::string_view tell_id) { return std::string(tell_id.substr(0, kShownMin)); }

absl::StatusOr<std::string> FindTellId(const v1::ListTellsResponse& tells,
                                       absl::string_view begins) {
  if (begins.size() < kBeginsMin) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat(Quoted(begins), " is too short for the beginning of an id"),
                       absl::StrCat("Give ", kBeginsMin, " characters of the id or more."));
  }
  std::vector<std::string> found;
  for (const v1::TellSummary& tell : tells.tells()) {
    if (absl::StartsWithIgnoreCase(tell.tell_id(), begins)) found.push_back(tell.tell_id());
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat("there is no message ", Quoted(begins), ", and none whose id begins so"),
        "`iris tells --all` lists them; old ones are forgotten.");
  }
  const size_t all = found.size();
  found.resize(std::min(all, kNamedMax));
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("the ids of ", all, " messages begin with ", Quoted(begins), ": ",
                                  absl::StrJoin(found, ", "), all > kNamedMax ? ", …" : ""),
                     "Give more of the id.");
}

absl::StatusOr<std::string> LastTellId(const v1::ListTellsResponse& tells, absl::string_view from) {
  for (int i = tells.tells_size() - 1; i >= 0; --i) {
    if (tells.tells(i).from() == from) return tells.tells(i).tell_id();
  }
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("no message that ", Quoted(from), " sent is kept"),
                     "`iris tells --all` lists the messages of all; --from says whose is meant.");
}

}  // namespace iris
