#ifndef IRIS_COMMON_LOG_CHECK_H_
#define IRIS_COMMON_LOG_CHECK_H_

#include <cstdlib>

#include "absl/base/optimization.h"
#include "common/log/log.h"

namespace iris {

// For what can only be our bug: where it does not hold, the program ends and its log says `what`,
// in release builds too. Nothing that the world does may make it fail.
inline void Check(bool holds, const char* what) {
  if (ABSL_PREDICT_TRUE(holds)) return;
  LogError("this cannot be: ", what);
  std::abort();
}

}  // namespace iris

#endif  // IRIS_COMMON_LOG_CHECK_H_
