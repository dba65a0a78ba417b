#include "coordinator/reach/ssh/greeting.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace iris {
namespace {

constexpr absl::string_view kSshMeetsAHost = "Warning: Permanently added ";

}  // namespace

void Greeting::Learn(absl::string_view said) {
  absl::MutexLock lock(&mutex_);
  lines_.clear();
  for (absl::string_view line : absl::StrSplit(said, '\n')) {
    lines_.emplace(absl::StripAsciiWhitespace(line));
  }
}

bool Greeting::Knows(absl::string_view said) const {
  absl::MutexLock lock(&mutex_);
  for (absl::string_view line : absl::StrSplit(said, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || absl::StartsWith(line, kSshMeetsAHost)) continue;
    if (lines_.count(std::string(line)) == 0) return false;
  }
  return true;
}

}  // namespace iris
