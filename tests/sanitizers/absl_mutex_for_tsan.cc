// Tells ThreadSanitizer what absl::Mutex does. Debian's libabsl is not instrumented and takes no
// pthread mutex, so to TSAN its locks do not exist, and everything that they guard looks like a
// race. Loaded before it (LD_PRELOAD), this stands in front of its functions: whoever has unlocked
// happens before whoever locks next.
//
// Conditions are also looked at by the thread that unlocks, on behalf of those that wait: such
// reads are left out. So a race of a condition's reads is not seen; one of anything else under, or
// not under, a Mutex is.

#include <dlfcn.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

// Not there in programs without TSAN, which a test may start.
extern "C" {
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
[[gnu::weak]] void AnnotateIgnoreReadsBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

void Acquire(void* mutex) {
  if (__tsan_acquire != nullptr) __tsan_acquire(mutex);
}

void Release(void* mutex) {
  if (__tsan_release != nullptr) __tsan_release(mutex);
}

template <typename Function>
Function* Real(const char* mangled) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, mangled));
}

class IgnoreReads {
 public:
  IgnoreReads() {
    if (AnnotateIgnoreReadsBegin != nullptr) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~IgnoreReads() {
    if (AnnotateIgnoreReadsEnd != nullptr) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static auto* const real = Real<void(Mutex*)>("_ZN4absl7debian35Mutex4LockEv");
  real(this);
  Acquire(this);
}

void Mutex::Unlock() {
  static auto* const real = Real<void(Mutex*)>("_ZN4absl7debian35Mutex6UnlockEv");
  Release(this);
  IgnoreReads conditions;
  real(this);
}

bool Mutex::TryLock() {
  static auto* const real = Real<bool(Mutex*)>("_ZN4absl7debian35Mutex7TryLockEv");
  const bool locked = real(this);
  if (locked) Acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  static auto* const real = Real<void(Mutex*)>("_ZN4absl7debian35Mutex10ReaderLockEv");
  real(this);
  Acquire(this);
}

void Mutex::ReaderUnlock() {
  static auto* const real = Real<void(Mutex*)>("_ZN4absl7debian35Mutex12ReaderUnlockEv");
  Release(this);
  IgnoreReads conditions;
  real(this);
}

// Waiting unlocks and locks again.
void Mutex::Await(const Condition& condition) {
  static auto* const real =
      Real<void(Mutex*, const Condition&)>("_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE");
  Release(this);
  {
    IgnoreReads conditions;
    real(this, condition);
  }
  Acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Duration)>(
      "_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  Release(this);
  bool result;
  {
    IgnoreReads conditions;
    result = real(this, condition, timeout);
  }
  Acquire(this);
  return result;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Time)>(
      "_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  Release(this);
  bool result;
  {
    IgnoreReads conditions;
    result = real(this, condition, deadline);
  }
  Acquire(this);
  return result;
}

void Mutex::LockWhen(const Condition& condition) {
  static auto* const real =
      Real<void(Mutex*, const Condition&)>("_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE");
  {
    IgnoreReads conditions;
    real(this, condition);
  }
  Acquire(this);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Duration)>(
      "_ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool result;
  {
    IgnoreReads conditions;
    result = real(this, condition, timeout);
  }
  Acquire(this);
  return result;
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Time)>(
      "_ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  bool result;
  {
    IgnoreReads conditions;
    result = real(this, condition, deadline);
  }
  Acquire(this);
  return result;
}

ABSL_NAMESPACE_END
}  // namespace absl
