#ifndef IRIS_COMMON_LOG_CHECK_H_
#define IRIS_COMMON_LOG_CHECK_H_

#include <cstdlib>

#include "absl/base/optimization.h"
#include "absl/strings/string_view.h"
#include "common/log/log.h"

namespace iris {

// What happens here can only be our bug: the program ends, and its log says `what`, in release
// builds too. Nothing that the world does may lead here.
[[noreturn]] inline void EndByBug(absl::string_view what) {
  LogError("this cannot be: ", what);
  std::abort();
}

// EndByBug(), unless that holds.
inline void Check(bool holds, const char* what) {
  if (ABSL_PREDICT_FALSE(!holds)) EndByBug(what);
}

}  // namespace iris

#endif  // IRIS_COMMON_LOG_CHECK_H_
