#ifndef IRIS_COORDINATOR_CONFIG_FILE_SUGGEST_H_
#define IRIS_COORDINATOR_CONFIG_FILE_SUGGEST_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/reach/remote_kinds.h"
#include "nlohmann/json.hpp"

namespace iris {

// What to do about a key that the schema does not have: the place it belongs to, the nearest known
// key beside it, or which keys there are. `parent` is the schema's path of the object that holds
// it; `of_host` are the kinds that its team's host may be of.
std::string FixForUnknownKey(absl::string_view parent, absl::string_view key,
                             const nlohmann::json& value, absl::Span<const RemoteKind> of_host);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_SUGGEST_H_
