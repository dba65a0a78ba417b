#ifndef IRIS_COORDINATOR_CONFIG_NOT_BUILT_H_
#define IRIS_COORDINATOR_CONFIG_NOT_BUILT_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace iris {

// A key that the original Iris or this one's design knows and this version does not serve. Refusing
// it is better than accepting it and doing nothing.
struct NotBuiltKey {
  absl::string_view path;  // As in Schema(). What stands below it is refused with it.
  absl::string_view fix;   // What to do for now: one sentence.
};

absl::Span<const NotBuiltKey> NotBuiltKeys();

// nullptr: not one of them.
const NotBuiltKey* FindNotBuiltKey(absl::string_view path);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_NOT_BUILT_H_
