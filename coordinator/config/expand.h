#ifndef IRIS_COORDINATOR_CONFIG_EXPAND_H_
#define IRIS_COORDINATOR_CONFIG_EXPAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/config_source.h"

namespace iris {

// Replaces ${VAR} and ${VAR:-default} in one string value. As in a shell, the default also stands
// for an empty variable; it is plain text up to the first '}'. Nothing else is special, `$VAR`
// neither, and what is put in is not expanded again. The result is at most kExpandedBytesMax.
// FAILURE_BAD_REQUEST: an unset variable without a default, or `${` that is neither of the two
// forms.
inline constexpr size_t kExpandedBytesMax = 64 << 10;
absl::StatusOr<std::string> ExpandVariables(absl::string_view text, const EnvLookup& env);

// Letters, digits and '_', not beginning with a digit.
bool IsVariableName(absl::string_view name);

// True if `text` is one ${VAR} and nothing else: then the value itself is not in the file.
bool IsOneVariable(absl::string_view text);

// Replaces a leading ~/ by `home`. FAILURE_BAD_REQUEST: there is one and `home` is empty.
absl::StatusOr<std::string> ExpandHome(absl::string_view path, absl::string_view home);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_EXPAND_H_
