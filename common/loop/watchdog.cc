#include "common/loop/watchdog.h"

#include <time.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace iris {
namespace {

constexpr bool IsSlowBuild() {
#if !defined(NDEBUG)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
  return false;
#endif
}

absl::Duration CpuTimeOfThread() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

// The callback that this thread is in. One that runs another loop within, as a test may, is
// measured with all of it.
struct Current {
  int depth = 0;
  CodePlace place;
  CallbackWatch::Kind kind = CallbackWatch::Kind::kOrdinary;
  absl::Duration began;
  int blocking = 0;  // MayBlock within each other, in a callback or not.
};
thread_local Current current;

absl::string_view FileOf(const CodePlace& place) {
  return place.file == nullptr ? absl::string_view() : absl::string_view(place.file);
}

}  // namespace

Watchdog::Limits Watchdog::LimitsOfThisBuild() {
  const Limits limits;
  // A large message takes a sanitizer ten times as long, and a busy machine three times that.
  const int factor = IsSlowBuild() ? 30 : 1;
  return {.note = factor * limits.note, .fail = factor * limits.fail};
}

Watchdog::Watchdog(Options options)
    : options_([&options] {
        if (options.cpu_time == nullptr) options.cpu_time = CpuTimeOfThread;
        return std::move(options);
      }()) {}

void Watchdog::OnBegin(const CodePlace& place, Kind kind) {
  if (current.depth++ > 0) return;
  current.place = place;
  current.kind = kind;
  current.began = options_.cpu_time();
}

void Watchdog::OnEnd() {
  if (--current.depth > 0 || current.kind == Kind::kExempt) return;
  const absl::Duration took = options_.cpu_time() - current.began;
  if (took <= options_.limits.note) return;
  const std::string text =
      absl::StrCat("a callback of ", FileOf(current.place), ":", current.place.line, " took ",
                   absl::FormatDuration(took), " of CPU time on its loop");
  const bool is_failure =
      took > options_.limits.fail && !IsKnown(FileOf(current.place), current.place);
  (is_failure ? options_.fail : options_.note)(current.place, text);
}

void Watchdog::OnBlocking(const char* what) {
  if (current.blocking++ > 0) return;
  if (current.depth == 0 || current.kind != Kind::kOrdinary) return;
  const std::string text =
      absl::StrCat(what, " may block, in a callback of ", FileOf(current.place), ":",
                   current.place.line, " on its loop");
  (IsKnown(what, current.place) ? options_.note : options_.fail)(current.place, text);
}

void Watchdog::OnBlocked() { --current.blocking; }

bool Watchdog::IsKnown(absl::string_view what, const CodePlace& place) const {
  for (const WatchException& known : options_.exceptions) {
    if (absl::EndsWith(what, known.what) && absl::EndsWith(FileOf(place), known.where)) return true;
  }
  return false;
}

}  // namespace iris
