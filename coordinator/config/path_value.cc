#include "coordinator/config/path_value.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "coordinator/config/expand.h"
#include "coordinator/config/refuse.h"

namespace iris {
namespace {

// `path` begins with neither / nor ~/.
std::string FixForRelative(absl::string_view path) {
  if (path == "~") return "Write ~/.";
  if (!absl::ConsumePrefix(&path, "$")) return "Begin it with / or ~/.";
  const absl::string_view name = path.substr(0, path.find('/'));
  if (!IsVariableName(name)) return "Begin it with / or ~/.";
  const std::string rest = Shown(path.substr(name.size()));
  return absl::StrCat("Write ", name == "HOME" ? "~" : absl::StrCat("${", name, "}"), rest, ": $",
                      name, " is not expanded, ${", name, "} is.");
}

}  // namespace

absl::Status StoreHostPath(std::string path, std::string* out) {
  if (!absl::StartsWith(path, "/") && !absl::StartsWith(path, "~/")) {
    return Refuse("is not an absolute path", FixForRelative(path));
  }
  *out = std::move(path);
  return absl::OkStatus();
}

absl::Status StoreLocalPath(std::string path, absl::string_view home, std::string* out) {
  if (absl::Status status = StoreHostPath(std::move(path), out); !status.ok()) return status;
  absl::StatusOr<std::string> expanded = ExpandHome(*out, home);
  if (!expanded.ok()) return expanded.status();
  *out = *std::move(expanded);
  return absl::OkStatus();
}

}  // namespace iris
