#ifndef IRIS_COORDINATOR_CONFIG_REFUSED_KEYS_H_
#define IRIS_COORDINATOR_CONFIG_REFUSED_KEYS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/key.h"

namespace iris {

// But for those of remoteOptions that only concern one kind of host: RemoteReader::refused_keys().
absl::Span<const RefusedKey> RefusedKeys();

// nullptr: not one of them.
const RefusedKey* FindRefusedKey(absl::string_view path);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_REFUSED_KEYS_H_
