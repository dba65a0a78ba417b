#ifndef IRIS_COMMON_LOOP_CALLBACK_WATCH_H_
#define IRIS_COMMON_LOOP_CALLBACK_WATCH_H_

#include <atomic>

namespace iris {

// A line of the source: what a callback is named by, which has no other name.
struct CodePlace {
  const char* file = nullptr;
  int line = 0;

  // As a default argument: where the function with that argument is called.
  static constexpr CodePlace Here(const char* file = __builtin_FILE(),
                                  int line = __builtin_LINE()) {
    return {file, line};
  }
};

// Hears of every callback of every loop in the process, on the thread that runs it. Builds for
// tests and for debugging have one (watchdog.h). What ships has none, and pays a load for each
// callback.
class CallbackWatch {
 public:
  enum class Kind {
    kOrdinary,
    kMayBlock,  // Of a simulated loop, which waits for nobody.
    kExempt,    // Of a test, which is no part of the program.
  };
  virtual ~CallbackWatch() = default;

  // The callback that was handed to its loop at `place` begins, and ends.
  virtual void OnBegin(const CodePlace& place, Kind kind) = 0;
  virtual void OnEnd() = 0;
  // What follows may wait for somebody else: `what`, by its name in the source. And it is over.
  virtual void OnBlocking(const char* what) = 0;
  virtual void OnBlocked() = 0;

  // The one of this process; null: none. Set before the first loop runs, and alive for ever.
  static inline std::atomic<CallbackWatch*> installed{nullptr};
};

// Around one callback.
class WatchedCallback {
 public:
  WatchedCallback(const CodePlace& place, CallbackWatch::Kind kind)
      : watch_(CallbackWatch::installed.load(std::memory_order_acquire)) {
    if (watch_ != nullptr) watch_->OnBegin(place, kind);
  }
  ~WatchedCallback() {
    if (watch_ != nullptr) watch_->OnEnd();
  }
  WatchedCallback(const WatchedCallback&) = delete;
  WatchedCallback& operator=(const WatchedCallback&) = delete;

 private:
  CallbackWatch* const watch_;
};

// Around whatever waits for another process, a peer or a lock: on a loop's thread that is a bug,
// which tests find. Of several within each other the outermost names it.
//
//   if (left > absl::ZeroDuration()) MayBlock("WaitReadable");  // Around nothing: it is only said.
class MayBlock {
 public:
  explicit MayBlock(const char* what)
      : watch_(CallbackWatch::installed.load(std::memory_order_acquire)) {
    if (watch_ != nullptr) watch_->OnBlocking(what);
  }
  ~MayBlock() {
    if (watch_ != nullptr) watch_->OnBlocked();
  }
  MayBlock(const MayBlock&) = delete;
  MayBlock& operator=(const MayBlock&) = delete;

 private:
  CallbackWatch* const watch_;
};

}  // namespace iris

#endif  // IRIS_COMMON_LOOP_CALLBACK_WATCH_H_
