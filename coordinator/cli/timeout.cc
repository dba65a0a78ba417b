#include "coordinator/cli/timeout.h"

#include "absl/strings/numbers.h"

namespace iris {
namespace {

constexpr char kDigits[] = "0123456789";
constexpr int64_t kTimeoutMsMax = int64_t{30} * 24 * 3600 * 1000;

// 0: it is no unit.
int64_t MillisecondsOf(absl::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m") return 60 * 1000;
  if (unit == "h") return 3600 * 1000;
  if (unit == "d") return 24 * 3600 * 1000;
  return 0;
}

}  // namespace

absl::optional<int64_t> ParseTimeout(absl::string_view text) {
  int64_t bare = 0;
  if (absl::SimpleAtoi(text, &bare)) {
    if (bare < -1 || bare > kTimeoutMsMax) return absl::nullopt;
    return bare;
  }
  if (text.empty()) return absl::nullopt;
  int64_t total = 0;
  while (!text.empty()) {
    const size_t digits = text.find_first_not_of(kDigits);
    int64_t number = 0;
    if (digits == text.npos || !absl::SimpleAtoi(text.substr(0, digits), &number)) {
      return absl::nullopt;
    }
    text.remove_prefix(digits);
    const absl::string_view unit = text.substr(0, text.find_first_of(kDigits));
    text.remove_prefix(unit.size());
    const int64_t milliseconds = MillisecondsOf(unit);
    if (milliseconds == 0 || number > kTimeoutMsMax / milliseconds) return absl::nullopt;
    total += number * milliseconds;
    if (total > kTimeoutMsMax) return absl::nullopt;
  }
  return total;
}

}  // namespace iris
