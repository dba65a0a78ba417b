#include "common/failure/text_payload.h"

#include "absl/strings/cord.h"

namespace iris {

void SetTextPayload(absl::Status& status, absl::string_view type_url, absl::string_view text) {
  status.SetPayload(type_url, absl::Cord(text));
}

}  // namespace iris
