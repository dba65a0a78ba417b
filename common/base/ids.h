#ifndef IRIS_COMMON_BASE_IDS_H_
#define IRIS_COMMON_BASE_IDS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// A random (version 4) UUID from the kernel's generator, lower case.
std::string NewUuid();

// 36 characters, lower-case hex and hyphens in their places; any version.
bool IsUuid(absl::string_view text);

// `bytes` random bytes as lower-case hex.
std::string RandomHex(size_t bytes);

// For simulations: all that this thread mints from now on follows from `seed`.
void SeedIds(uint64_t seed);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_IDS_H_
