#include "common/base/ids.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace iris {
namespace {

using Random = std::mt19937_64;

std::unique_ptr<Random>& Seeded() {
  thread_local std::unique_ptr<Random> random;
  return random;
}

std::string RandomBytes(size_t bytes) {
  std::string out(bytes, '\0');
  if (Seeded() != nullptr) {
    for (char& byte : out) byte = static_cast<char>((*Seeded())());
    return out;
  }
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = getrandom(out.data() + done, bytes - done, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) std::abort();  // No kernel that runs gRPC lacks it.
    done += static_cast<size_t>(n);
  }
  return out;
}

}  // namespace

std::string RandomHex(size_t bytes) { return absl::BytesToHexString(RandomBytes(bytes)); }

void SeedIds(uint64_t seed) { Seeded() = std::make_unique<Random>(seed); }

std::string NewUuid() {
  std::string raw = RandomBytes(16);
  raw[6] = static_cast<char>((raw[6] & 0x0F) | 0x40);
  raw[8] = static_cast<char>((raw[8] & 0x3F) | 0x80);
  const std::string hex = absl::BytesToHexString(raw);
  const absl::string_view h = hex;
  return absl::StrCat(h.substr(0, 8), "-", h.substr(8, 4), "-", h.substr(12, 4), "-",
                      h.substr(16, 4), "-", h.substr(20));
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace iris
