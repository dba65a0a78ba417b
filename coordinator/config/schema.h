#ifndef IRIS_COORDINATOR_CONFIG_SCHEMA_H_
#define IRIS_COORDINATOR_CONFIG_SCHEMA_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/key.h"

namespace iris {

// The one table of the configuration's keys, but for those of remoteOptions that only one kind of
// host has: these are in a table of the kind (RemoteReader::keys()). The loader walks a file by
// both, docs/CONFIG.md is made of them, and config_key_test.cc has a row for each of their rows.

inline constexpr size_t kTeamsMax = 1000;

// In the order of the document.
absl::Span<const Key> Schema();

// nullptr: no such key.
const Key* FindKey(absl::string_view path);

// True if keys stand below `path`: "settings", "teams", "teams.*", "teams.*.remoteOptions", and "".
bool HasKeysBelow(absl::string_view path);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_SCHEMA_H_
