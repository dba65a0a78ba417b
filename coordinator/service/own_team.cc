#include "coordinator/service/own_team.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace iris {
namespace {

// With a slash at its end: "/src/app" holds "/src/app/web", and not "/src/apple".
std::string Folder(absl::string_view path, absl::string_view home) {
  std::string folder;
  if (absl::StartsWith(path, "~/") && !home.empty()) {
    absl::ConsumePrefix(&path, "~");
    folder = std::string(absl::StripSuffix(home, "/"));
  }
  absl::StrAppend(&folder, absl::StripSuffix(path, "/"), "/");
  return folder;
}

}  // namespace

std::string OwnTeam(const v1::ListTeamsResponse& teams, absl::string_view project_dir,
                    absl::string_view home) {
  std::string own;
  size_t longest = 0;
  if (!absl::StartsWith(project_dir, "/")) return own;
  const std::string here = Folder(project_dir, "");
  for (const v1::TeamInfo& team : teams.teams()) {
    const std::string folder = Folder(team.path(), home);
    if (!team.remote().empty() || folder.size() <= longest) continue;
    if (!absl::StartsWith(here, folder)) continue;
    longest = folder.size();
    own = team.name();
  }
  return own;
}

}  // namespace iris
