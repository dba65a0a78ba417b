#ifndef IRIS_COMMON_FAILURE_TEXT_PAYLOAD_H_
#define IRIS_COMMON_FAILURE_TEXT_PAYLOAD_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace iris {

// Status::SetPayload() with `text`. The only place that makes a Cord of something: by the
// constructor for views. That for strings is a template, whose name clang 18 and newer spell in
// another way than the gcc that Debian 13's Abseil was compiled with.
void SetTextPayload(absl::Status& status, absl::string_view type_url, absl::string_view text);

}  // namespace iris

#endif  // IRIS_COMMON_FAILURE_TEXT_PAYLOAD_H_
