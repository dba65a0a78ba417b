// spdlog opens its files close-on-exec: a child that starts meanwhile does not inherit them.
#define SPDLOG_PREVENT_CHILD_FD
#include "common/log/log.h"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace iris {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;
constexpr size_t kRotatedFilesKept = 2;
constexpr size_t kLineBytesMax = 16 << 10;

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("iris", std::move(sink));
  logger->set_level(spdlog::level::trace);
  // Each line: what was logged last before a crash matters most.
  logger->flush_on(spdlog::level::trace);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
  return logger;
}

std::shared_ptr<spdlog::logger> StderrLogger() {
  return MakeLogger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

std::shared_ptr<spdlog::logger> FileLogger(const std::string& file) {
  spdlog::file_event_handlers private_file;
  private_file.after_open = [](const spdlog::filename_t&, std::FILE* opened) {
    fchmod(fileno(opened), 0600);
  };
  return MakeLogger(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
      file, kFileBytesMax, kRotatedFilesKept, /*rotate_on_open=*/false, private_file));
}

struct LogState {
  absl::Mutex mutex;
  std::shared_ptr<spdlog::logger> logger ABSL_GUARDED_BY(mutex) = StderrLogger();
  LogLevel lowest ABSL_GUARDED_BY(mutex) = LogLevel::kWarn;
};

// Never destroyed: threads log until the very end.
LogState& State() {
  static LogState* const state = new LogState;
  return *state;
}

absl::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

void AppendHex(unsigned char byte, std::string& to) {
  absl::StrAppend(&to, "\\x", absl::Hex(byte, absl::kZeroPad2));
}

// A host's bytes reach the log: no line of its own making, and no escape sequence for the terminal
// that shows it (U+0080 to U+009F are control characters too, C2 80 to C2 9F in UTF-8).
std::string Escaped(absl::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == '\n') {
      escaped += "\\n";
    } else if (byte == '\t') {
      escaped += "\\t";
    } else if (byte == '\r') {
      escaped += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      AppendHex(byte, escaped);
    } else if (byte == 0xC2 && next >= 0x80 && next <= 0x9F) {
      AppendHex(byte, escaped);
      AppendHex(next, escaped);
      ++i;
    } else {
      escaped.push_back(text[i]);
    }
  }
  return escaped;
}

}  // namespace

void StartLogging(const std::string& file, LogLevel lowest) {
  std::string trouble;
  std::shared_ptr<spdlog::logger> logger;
  if (!file.empty()) {
    try {
      logger = FileLogger(file);
    } catch (const spdlog::spdlog_ex& e) {
      trouble = e.what();
    }
  }
  {
    LogState& state = State();
    absl::MutexLock lock(&state.mutex);
    state.logger = logger != nullptr ? std::move(logger) : StderrLogger();
    state.lowest = lowest;
  }
  if (!trouble.empty()) LogWarn("logging to stderr: ", trouble);
}

void WriteLog(LogLevel level, absl::string_view text) {
  std::shared_ptr<spdlog::logger> logger;
  {
    LogState& state = State();
    absl::MutexLock lock(&state.mutex);
    if (level < state.lowest) return;
    logger = state.logger;
  }
  std::string line = absl::StrCat(NameOf(level), " ", Escaped(text));
  if (line.size() > kLineBytesMax) line.replace(kLineBytesMax, std::string::npos, "…");
  logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace iris
