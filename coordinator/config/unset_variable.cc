#include "coordinator/config/unset_variable.h"

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace iris {
namespace {

constexpr absl::string_view kMark = "type.iris/unset_variable";

}  // namespace

absl::Status MarkUnsetVariable(absl::Status refusal) {
  refusal.SetPayload(kMark, absl::Cord());
  return refusal;
}

bool IsUnsetVariable(const absl::Status& status) { return status.GetPayload(kMark).has_value(); }

}  // namespace iris
