#include "coordinator/mcp/versions.h"

namespace iris {
namespace {

constexpr absl::string_view kVersions[] = {kMcpVersionNewest, "2025-06-18", "2025-03-26",
                                           "2024-11-05"};

}  // namespace

absl::string_view NegotiateMcpVersion(absl::string_view wanted) {
  for (const absl::string_view version : kVersions) {
    if (version == wanted) return version;
  }
  return kMcpVersionNewest;
}

bool ProgressHasMessage(absl::string_view version) { return version >= "2025-03-26"; }

bool HasBatches(absl::string_view version) { return version == "2025-03-26"; }

}  // namespace iris
