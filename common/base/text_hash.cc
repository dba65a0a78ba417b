#include "common/base/text_hash.h"

#include <cstring>

namespace iris {

uint64_t TextHash(absl::string_view text) {
  constexpr uint64_t kPrime = 0x00000100000001B3;
  uint64_t hash = 0xCBF29CE484222325;
  const auto take = [&hash](uint64_t word) {
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;  // A product says nothing of higher bits in its lower ones.
  };
  take(text.size());
  uint64_t word = 0;
  for (; text.size() >= sizeof(word); text.remove_prefix(sizeof(word))) {
    memcpy(&word, text.data(), sizeof(word));
    take(word);
  }
  word = 0;
  if (!text.empty()) memcpy(&word, text.data(), text.size());
  take(word);
  return hash;
}

}  // namespace iris
