#include "coordinator/config_file/yaml_scalar.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "coordinator/config/refuse.h"

namespace iris {
namespace {

using nlohmann::json;

bool IsOneOf(absl::string_view text, absl::string_view lower, absl::string_view title,
             absl::string_view upper) {
  return text == lower || text == title || text == upper;
}

bool ConsumeDigits(absl::string_view* text) {
  const size_t before = text->size();
  while (!text->empty() && absl::ascii_isdigit(text->front())) text->remove_prefix(1);
  return text->size() < before;
}

void ConsumeSign(absl::string_view* text) {
  if (!absl::ConsumePrefix(text, "-")) absl::ConsumePrefix(text, "+");
}

bool IsInteger(absl::string_view text) {
  ConsumeSign(&text);
  return ConsumeDigits(&text) && text.empty();
}

bool IsFloat(absl::string_view text) {
  ConsumeSign(&text);
  const bool whole = ConsumeDigits(&text);
  const bool fraction = absl::ConsumePrefix(&text, ".") && ConsumeDigits(&text);
  if (!whole && !fraction) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    ConsumeSign(&text);
    if (!ConsumeDigits(&text)) return false;
  }
  return text.empty();
}

bool IsNotFinite(absl::string_view text) {
  if (IsOneOf(text, ".nan", ".NaN", ".NAN")) return true;
  ConsumeSign(&text);
  return IsOneOf(text, ".inf", ".Inf", ".INF");
}

// The digits behind 0x or 0o. What is too large for an integer is a number all the same.
json InBase(int base, absl::string_view digits) {
  uint64_t exact = 0;
  double rounded = 0;
  bool fits = true;
  for (char c : digits) {
    const int digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
    fits = fits && exact <= (UINT64_MAX - digit) / base;
    exact = exact * base + digit;
    rounded = rounded * base + digit;
  }
  if (fits) return exact;
  return rounded;
}

bool IsInBase(absl::string_view text, absl::string_view prefix, bool (*is_digit)(unsigned char)) {
  return absl::ConsumePrefix(&text, prefix) && !text.empty() &&
         std::all_of(text.begin(), text.end(), is_digit);
}

json Decimal(absl::string_view text) {
  absl::ConsumePrefix(&text, "+");
  int64_t with_sign;
  if (absl::SimpleAtoi(text, &with_sign)) return with_sign;
  uint64_t large;
  if (absl::SimpleAtoi(text, &large)) return large;
  double rounded = 0;
  (void)absl::SimpleAtod(text, &rounded);
  return rounded;
}

}  // namespace

absl::StatusOr<json> TypeYamlScalar(absl::string_view text) {
  if (text.empty() || text == "~" || IsOneOf(text, "null", "Null", "NULL")) return json(nullptr);
  if (IsOneOf(text, "true", "True", "TRUE")) return json(true);
  if (IsOneOf(text, "false", "False", "FALSE")) return json(false);
  const auto is_octal = [](unsigned char c) { return c >= '0' && c <= '7'; };
  if (IsInBase(text, "0o", is_octal)) return InBase(8, text.substr(2));
  if (IsInBase(text, "0x", absl::ascii_isxdigit)) return InBase(16, text.substr(2));
  if (!IsInteger(text) && !IsFloat(text) && !IsNotFinite(text)) return json(std::string(text));
  json number = nullptr;
  if (IsInteger(text)) {
    number = Decimal(text);
  } else if (double value; absl::SimpleAtod(text, &value)) {
    number = value;
  }
  const bool finite =
      number.is_number() && (!number.is_number_float() || std::isfinite(number.get<double>()));
  if (!finite)
    return Refuse("is not a finite number", "Write a smaller number, or quote the text.");
  return number;
}

}  // namespace iris
