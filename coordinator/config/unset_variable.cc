#include "coordinator/config/unset_variable.h"

#include "absl/strings/string_view.h"
#include "common/failure/text_payload.h"

namespace iris {
namespace {

constexpr absl::string_view kMark = "type.iris/unset_variable";

}  // namespace

absl::Status MarkUnsetVariable(absl::Status refusal) {
  SetTextPayload(refusal, kMark, "");
  return refusal;
}

bool IsUnsetVariable(const absl::Status& status) { return status.GetPayload(kMark).has_value(); }

}  // namespace iris
