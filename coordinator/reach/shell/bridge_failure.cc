#include "coordinator/reach/shell/bridge_failure.h"

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_failure.h"

namespace iris {
namespace {

FailureKind KindNamed(absl::string_view name) {
  for (int kind = v1::FailureKind_MIN; kind <= v1::FailureKind_MAX; ++kind) {
    if (KindName(static_cast<FailureKind>(kind)) == name) return static_cast<FailureKind>(kind);
  }
  return v1::FAILURE_UNSPECIFIED;
}

}  // namespace

absl::optional<absl::Status> FailureOfBridge(absl::string_view stderr_text) {
  const std::vector<absl::string_view> lines =
      absl::StrSplit(stderr_text, absl::ByAnyChar("\r\n"), absl::SkipWhitespace());
  if (lines.empty()) return absl::nullopt;
  absl::string_view line = lines.back();
  if (!absl::ConsumePrefix(&line, "iris-agent: ")) return absl::nullopt;
  const size_t colon = line.find(": ");
  if (colon == absl::string_view::npos) return absl::nullopt;
  Failure said;
  said.set_kind(KindNamed(line.substr(0, colon)));
  if (said.kind() == v1::FAILURE_UNSPECIFIED) return absl::nullopt;
  said.set_detail(std::string(line.substr(colon + 2)));
  return FromHost(said);
}

}  // namespace iris
