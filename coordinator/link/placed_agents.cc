#include "coordinator/link/placed_agents.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/config/config.h"
#include "coordinator/link/way_digest.h"

namespace iris {
namespace {

// A place of an agent has two line feeds at least, that of an attempt has one.
constexpr absl::string_view kAttempt = "attempt\n";

}  // namespace

std::string PlaceOf(const v1::Hello& hello) {
  return absl::StrCat(hello.host_id(), "\n", hello.user(), "\n", hello.data_dir());
}

absl::string_view FolderOf(absl::string_view place) {
  const size_t user = place.find('\n');
  const size_t folder = user == absl::string_view::npos ? user : place.find('\n', user + 1);
  return folder == absl::string_view::npos ? absl::string_view() : place.substr(folder + 1);
}

std::string PlaceOfAttempt(const RemoteWay& way, absl::string_view link_identity) {
  return absl::StrCat(kAttempt, DigestOfWay(way.remote, way.options), " ", link_identity);
}

bool IsAttempt(absl::string_view place) {
  return absl::StartsWith(place, kAttempt) && std::count(place.begin(), place.end(), '\n') == 1;
}

bool IsAttemptBy(absl::string_view place, const RemoteWay& way) {
  return IsAttempt(place) && absl::StartsWith(place, PlaceOfAttempt(way, ""));
}

}  // namespace iris
