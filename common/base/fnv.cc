#include "common/base/fnv.h"

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace iris {

std::string FnvHex128(absl::string_view text) {
  constexpr absl::uint128 kPrime = absl::MakeUint128(0x0000000001000000, 0x000000000000013B);
  absl::uint128 hash = absl::MakeUint128(0x6C62272E07BB0142, 0x62B821756295C58D);
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  return absl::StrCat(absl::Hex(absl::Uint128High64(hash), absl::kZeroPad16),
                      absl::Hex(absl::Uint128Low64(hash), absl::kZeroPad16));
}

uint64_t Fnv64(absl::string_view text) {
  constexpr uint64_t kPrime = 0x00000100000001B3;
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  return hash;
}

}  // namespace iris
