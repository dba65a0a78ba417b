#ifndef IRIS_COMMON_BASE_TEXT_HASH_H_
#define IRIS_COMMON_BASE_TEXT_HASH_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace iris {

// Says whether two long texts are the same without keeping them: FNV-1a over eight bytes at a time,
// mixed. The same in every life of a program on one machine. It withstands no forger.
uint64_t TextHash(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_TEXT_HASH_H_
