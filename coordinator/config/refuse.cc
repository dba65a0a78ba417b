#include "coordinator/config/refuse.h"

#include "absl/strings/escaping.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kShownBytesMax = 64;

}  // namespace

absl::Status Refuse(absl::string_view what, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, what, fix);
}

std::string Shown(absl::string_view text) {
  return absl::Utf8SafeCEscape(CutUtf8(text, kShownBytesMax));
}

}  // namespace iris
