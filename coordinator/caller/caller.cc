#include "coordinator/caller/caller.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/fnv.h"

namespace iris {
namespace {

constexpr size_t kPartBytesMax = 56;  // Two of them, the digits, and what stands between.
constexpr size_t kDigits = 6;
constexpr size_t kNameBytesMax = 128;

bool IsPlain(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; }

bool IsPlain(absl::string_view text) {
  return !text.empty() && text.size() <= kPartBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsPlain(c); });
}

// At most kPartBytesMax bytes; other characters become '-', several of them one.
std::string Plain(absl::string_view text) {
  std::string plain;
  for (const char c : text.substr(0, kPartBytesMax)) {
    if (IsPlain(c)) {
      plain += c;
    } else if (!absl::EndsWith(plain, "-")) {
      plain += '-';
    }
  }
  return plain;
}

// The first digits of that hash hardly depend on how the text ends.
std::string LastOf(const std::string& digits) { return digits.substr(digits.size() - kDigits); }

// Whether `name` has the form that Caller::InFolder() gives.
bool IsNeutral(absl::string_view name) {
  if (name.size() > kNameBytesMax) return false;
  const size_t at = name.find('@');
  if (at == 0 || at == name.npos || at + 1 == name.size()) return false;
  const auto is_plain = [](char c) { return IsPlain(c); };
  return std::all_of(name.begin(), name.begin() + at, is_plain) &&
         std::all_of(name.begin() + at + 1, name.end(), is_plain);
}

}  // namespace

Caller Caller::Named(absl::string_view name) {
  Kind kind = Kind::kTeam;
  if (name.empty()) kind = Kind::kNobody;
  if (name == kCommandLineName) kind = Kind::kCommandLine;
  if (IsNeutral(name)) kind = Kind::kNeutral;
  return Caller(kind, std::string(name));
}

Caller Caller::InFolder(absl::string_view folder, absl::string_view host) {
  while (absl::ConsumeSuffix(&folder, "/")) {
  }
  const size_t slash = folder.rfind('/');
  const absl::string_view own = slash == folder.npos ? folder : folder.substr(slash + 1);
  std::string name(own);
  if (!IsPlain(own)) {
    name = absl::StrCat(Plain(own), own.empty() ? "folder-" : "-", LastOf(FnvHex128(folder)));
  }
  const std::string where = Plain(host);
  return Caller(Kind::kNeutral, absl::StrCat(name, "@", where.empty() ? "localhost" : where));
}

bool Caller::MaySee(const Caller& sender) const {
  return kind_ == Kind::kCommandLine || (kind_ != Kind::kNobody && name_ == sender.name_);
}

}  // namespace iris
