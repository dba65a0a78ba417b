#include "coordinator/reach/shell/packed_agent.h"

#include <zlib.h>

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kDigestDigits = 64;
constexpr size_t kHeadBytes = 2 * kDigestDigits + 2;

}  // namespace

std::string PackedPath(absl::string_view path) { return absl::StrCat(path, ".packed"); }

absl::optional<absl::string_view> GzipIn(absl::string_view packed, absl::string_view sha256) {
  if (sha256.size() != kDigestDigits || packed.size() <= kHeadBytes) return absl::nullopt;
  const absl::string_view gzip = packed.substr(kHeadBytes);
  if (packed.substr(0, kHeadBytes) != absl::StrCat(sha256, " ", Sha256Hex(gzip), "\n")) {
    return absl::nullopt;
  }
  return gzip;
}

absl::StatusOr<std::string> GzipFast(absl::string_view agent) {
  z_stream stream = {};
  constexpr int kGzipHeader = 16;
  constexpr int kMemLevel = 9;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzipHeader, kMemLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return MakeFailure(v1::FAILURE_INTERNAL, "zlib cannot start");
  }
  std::string gzip(deflateBound(&stream, agent.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(agent.data()));
  stream.avail_in = agent.size();
  stream.next_out = reinterpret_cast<Bytef*>(gzip.data());
  stream.avail_out = gzip.size();
  const int result = deflate(&stream, Z_FINISH);
  gzip.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return MakeFailure(v1::FAILURE_INTERNAL, "zlib cannot compress");
  return gzip;
}

}  // namespace iris
