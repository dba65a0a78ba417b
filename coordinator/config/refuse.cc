#include "coordinator/config/refuse.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {

absl::Status Refuse(absl::string_view what, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, what, fix);
}

std::string Shown(absl::string_view text) {
  size_t end = 64;
  if (text.size() <= end) return absl::Utf8SafeCEscape(text);
  // Not inside a character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(absl::Utf8SafeCEscape(text.substr(0, end)), "…");
}

}  // namespace iris
