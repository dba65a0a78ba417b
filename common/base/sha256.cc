#include "common/base/sha256.h"

#include "absl/strings/escaping.h"
#include "openssl/evp.h"

namespace iris {

std::string Sha256Hex(absl::string_view bytes) {
  unsigned char digest[32];
  EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

}  // namespace iris
