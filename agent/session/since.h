#ifndef IRIS_AGENT_SESSION_SINCE_H_
#define IRIS_AGENT_SESSION_SINCE_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace iris {

// ", since 2026-01-31 12:00:00 UTC", for people; "" for the epoch: nobody knows.
inline std::string Since(absl::Time when) {
  if (when <= absl::UnixEpoch()) return "";
  return absl::StrCat(", since ",
                      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", when, absl::UTCTimeZone()));
}

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SINCE_H_
