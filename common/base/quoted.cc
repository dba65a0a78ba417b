#include "common/base/quoted.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

constexpr size_t kNameBytesShown = 100;

}  // namespace

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(CutUtf8(name, kNameBytesShown)), "\"");
}

}  // namespace iris
