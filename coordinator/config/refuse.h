#ifndef IRIS_COORDINATOR_CONFIG_REFUSE_H_
#define IRIS_COORDINATOR_CONFIG_REFUSE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace iris {

// Every refusal of a configuration is FAILURE_BAD_REQUEST and has a fix of its own. Where it stands
// (file, line, key path) is put before it with Annotate() by whoever knows it.
absl::Status Refuse(absl::string_view what, absl::string_view fix);

// `text` from the file as a refusal may show it: control characters escaped, cut after 64 bytes.
std::string Shown(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_REFUSE_H_
