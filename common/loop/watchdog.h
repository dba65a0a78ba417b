#ifndef IRIS_COMMON_LOOP_WATCHDOG_H_
#define IRIS_COMMON_LOOP_WATCHDOG_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/loop/callback_watch.h"

namespace iris {

// What is known to take long or to block, and is to be mended.
struct WatchException {
  absl::string_view what;   // As MayBlock has it; or how the file of a long callback ends.
  absl::string_view where;  // How the file of the callback ends in which it blocks; "": any.
  absl::string_view why;
  absl::string_view mender;  // The folder that has to change.
};

// Those of this tree, one by one (watch_exceptions.cc). It is to be empty.
const std::vector<WatchException>& KnownWatchExceptions();

// Measures every callback by the CPU time of its thread, so that a busy machine changes nothing,
// and hears of what blocks. Thread-safe.
class Watchdog final : public CallbackWatch {
 public:
  struct Limits {
    absl::Duration note = absl::Milliseconds(20);   // A callback that takes more is written down,
    absl::Duration fail = absl::Milliseconds(100);  // or is a failure.
  };
  // The limits of this build: thirty times as much where it is not optimized, or sanitized.
  static Limits LimitsOfThisBuild();

  using Clock = std::function<absl::Duration()>;
  using Say = std::function<void(const CodePlace& place, const std::string& text)>;
  struct Options {
    Limits limits = LimitsOfThisBuild();
    Clock cpu_time;  // Of the calling thread; empty: the kernel's.
    std::vector<WatchException> exceptions = KnownWatchExceptions();
    Say note;  // On the loop's thread; so below.
    Say fail;
  };
  explicit Watchdog(Options options);

  void OnBegin(const CodePlace& place, Kind kind) override;
  void OnEnd() override;
  void OnBlocking(const char* what) override;
  void OnBlocked() override;

 private:
  bool IsKnown(absl::string_view what, const CodePlace& place) const;

  const Options options_;
};

}  // namespace iris

#endif  // IRIS_COMMON_LOOP_WATCHDOG_H_
