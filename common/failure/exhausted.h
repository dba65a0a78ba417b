#ifndef IRIS_COMMON_FAILURE_EXHAUSTED_H_
#define IRIS_COMMON_FAILURE_EXHAUSTED_H_

#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"

namespace iris {

// `error`, an errno, says that this machine or account has no more processes, threads, descriptors
// or memory just now: nothing is wrong with what was asked for.
bool IsExhausted(int error);

// The same of a status that absl::ErrnoToStatus() made, as Spawn() and EventLoop::Watch() return
// it.
bool IsExhausted(const absl::Status& status);

// The same of an error's text, where that is all there is: of a journal's.
bool SaysExhausted(absl::string_view text);

// FAILURE_BUSY_LIMIT that names the limit and its value, with a fix that says how to raise it.
// `doing` is what could not be done: "ssh cannot be started". A link tries again by itself. ENOSPC
// is epoll's: no more descriptors can be watched.
absl::Status Exhausted(int error, absl::string_view doing);
absl::Status Exhausted(const absl::Status& status, absl::string_view doing);

// FAILURE_STORAGE of what could not be written, because of `why`: what errors say of errno. Where
// that is the limit on the size of a file it is named, with a fix that says how to raise it; else
// the fix is `fix`.
absl::Status DiskFailure(absl::string_view doing, absl::string_view why, absl::string_view fix);

// Whether a failure is of that limit, which this process will not get rid of.
bool IsOfFileSize(const absl::Status& failure);

// Exhausted(), or where `error` is another one a failure of `kind`.
absl::Status SystemFailure(FailureKind kind, int error, absl::string_view doing);

// What `make` returns, a Status or StatusOr. Where it constructs what throws for want of threads or
// descriptors (std::thread, EventLoop), that is Exhausted().
template <typename Make>
auto OrExhausted(absl::string_view doing, Make make) -> decltype(make()) {
  try {
    return make();
  } catch (const std::system_error& error) {
    return Exhausted(error.code().value(), doing);
  }
}

}  // namespace iris

#endif  // IRIS_COMMON_FAILURE_EXHAUSTED_H_
