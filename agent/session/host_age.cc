#include "agent/session/host_age.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/journal/files.h"

namespace iris {
namespace {

constexpr size_t kFileBytesMax = 128;

// "AGE_MS SAVED_AT_MS\n"
AgeClock Load(const std::string& path, absl::Time now, AgeClock::Monotonic monotonic) {
  const std::string text = ReadWholeFile(path, kFileBytesMax).value_or("");
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  int64_t age_ms = 0, saved_ms = 0;
  if (fields.size() != 2 || !absl::SimpleAtoi(fields[0], &age_ms) ||
      !absl::SimpleAtoi(fields[1], &saved_ms) || age_ms < 0) {
    return AgeClock(std::move(monotonic), absl::ZeroDuration(), now, now);
  }
  return AgeClock(std::move(monotonic), absl::Milliseconds(age_ms), absl::FromUnixMillis(saved_ms),
                  now);
}

}  // namespace

HostAge::HostAge(std::string path, std::function<absl::Time()> now, AgeClock::Monotonic monotonic)
    : path_(std::move(path)),
      now_(std::move(now)),
      clock_(Load(path_, now_(), std::move(monotonic))) {}

void HostAge::AtLeast(absl::Duration age) { ahead_ += std::max(age - Age(), absl::ZeroDuration()); }

absl::Status HostAge::Save() const {
  return ReplaceFile(
      path_, absl::StrCat(absl::ToInt64Milliseconds(Age()), " ", absl::ToUnixMillis(now_()), "\n"));
}

}  // namespace iris
