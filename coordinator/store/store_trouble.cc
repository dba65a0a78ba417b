#include "coordinator/store/store_trouble.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/failure/text_payload.h"

namespace iris {
namespace {

// Of the status, for this process alone: no wire form has it.
constexpr absl::string_view kPayloadUrl = "type.iris/store_trouble";
constexpr absl::string_view kConflict = "conflict";
constexpr absl::string_view kLost = "lost";

}  // namespace

absl::Status WithTrouble(absl::Status status, StoreTrouble trouble) {
  if (trouble == StoreTrouble::kConflict) SetTextPayload(status, kPayloadUrl, kConflict);
  if (trouble == StoreTrouble::kLost) SetTextPayload(status, kPayloadUrl, kLost);
  return status;
}

StoreTrouble TroubleOf(const absl::Status& status) {
  if (status.ok()) return StoreTrouble::kNone;
  const absl::optional<absl::Cord> said = status.GetPayload(kPayloadUrl);
  if (!said.has_value()) return StoreTrouble::kStorage;
  if (*said == kConflict) return StoreTrouble::kConflict;
  return *said == kLost ? StoreTrouble::kLost : StoreTrouble::kStorage;
}

}  // namespace iris
