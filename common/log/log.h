#ifndef IRIS_COMMON_LOG_LOG_H_
#define IRIS_COMMON_LOG_LOG_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace iris {

enum class LogLevel { kInfo, kWarn, kError };

// Where the process logs. `file` empty = stderr. A file is created 0600 and rotated at 4 MiB, two
// kept. Lines are "2026-01-31T12:00:00.123Z LEVEL text"; control characters are escaped. Until it
// is called, warnings and errors go to stderr. Thread-safe.
void StartLogging(const std::string& file, LogLevel lowest);

void WriteLog(LogLevel level, absl::string_view text);

// LogInfo("link gpu1 is ", state): text of any arguments that absl::StrCat takes.
template <typename... Args>
void LogInfo(const Args&... args) {
  WriteLog(LogLevel::kInfo, absl::StrCat(args...));
}
template <typename... Args>
void LogWarn(const Args&... args) {
  WriteLog(LogLevel::kWarn, absl::StrCat(args...));
}
template <typename... Args>
void LogError(const Args&... args) {
  WriteLog(LogLevel::kError, absl::StrCat(args...));
}

}  // namespace iris

#endif  // IRIS_COMMON_LOG_LOG_H_
