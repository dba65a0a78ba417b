#ifndef IRIS_COMMON_BASE_FNV_H_
#define IRIS_COMMON_BASE_FNV_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// The 128-bit FNV-1a hash of `text` (draft-eastlake-fnv) as 32 lower-case hex digits. Names things
// (a home, a host); it keeps no secret and withstands no forger.
std::string FnvHex128(absl::string_view text);

// The 64-bit one, as a number.
uint64_t Fnv64(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_FNV_H_
