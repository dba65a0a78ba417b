#ifndef IRIS_COORDINATOR_CONFIG_REFUSED_KEYS_H_
#define IRIS_COORDINATOR_CONFIG_REFUSED_KEYS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace iris {

// A key that iris-mcp or this one's design knows and this version does not serve. Refusing it is
// better than accepting it and doing nothing.
struct RefusedKey {
  absl::string_view path;  // As in Schema(). What stands below it is refused with it.
  absl::string_view why;   // "not needed here: …" or "not built yet".
  absl::string_view fix;   // What to do instead: one sentence.
};

absl::Span<const RefusedKey> RefusedKeys();

// nullptr: not one of them.
const RefusedKey* FindRefusedKey(absl::string_view path);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_REFUSED_KEYS_H_
