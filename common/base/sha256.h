#ifndef IRIS_COMMON_BASE_SHA256_H_
#define IRIS_COMMON_BASE_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// The SHA-256 digest of `bytes` as 64 lower-case hex digits. For what a forger could gain from, or
// what is secret; other things are named by FnvHex128().
std::string Sha256Hex(absl::string_view bytes);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_SHA256_H_
