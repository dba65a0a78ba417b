#include "common/environment/environment.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace iris {
namespace {

size_t BytesOf(const std::pair<const std::string, std::string>& variable) {
  return variable.first.size() + variable.second.size() + 2;  // '=' and the NUL behind it.
}

}  // namespace

bool StaysBehind(absl::string_view name) {
  constexpr absl::string_view kNames[] = {
      "CLAUDECODE",
      "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS",  // As agent/session/launch.cc sets it.
      "CLAUDE_CODE_ENTRYPOINT",
      "CLAUDE_CODE_SESSION_ID",
      "CLAUDE_CODE_SSE_PORT",
      "CLAUDE_PROJECT_DIR",
      "IRIS_READY_FD",  // As common/endpoint/daemon.cc sets it.
      "IRIS_SESSION",   // kSessionMark of agent/process/strays.h.
  };
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

void AddEntry(absl::string_view entry, Environment& env) {
  const size_t equals = entry.find('=');
  if (equals == absl::string_view::npos || equals == 0) return;
  if (entry.find('\0') != absl::string_view::npos) return;
  const absl::string_view name = entry.substr(0, equals);
  if (StaysBehind(name)) return;
  env.emplace(std::string(name), std::string(entry.substr(equals + 1)));
}

Environment OwnEnvironment() {
  Environment env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (env.size() < kEnvironmentEntriesMax) AddEntry(*entry, env);
  }
  CutEnvironment(env);
  return env;
}

void CutEnvironment(Environment& env) {
  while (env.size() > kEnvironmentEntriesMax) env.erase(std::prev(env.end()));
  size_t bytes = 0;
  for (const auto& variable : env) bytes += BytesOf(variable);
  while (bytes > kEnvironmentBytesMax) {
    const auto largest = std::max_element(
        env.begin(), env.end(),
        [](const auto& one, const auto& other) { return BytesOf(one) < BytesOf(other); });
    bytes -= BytesOf(*largest);
    env.erase(largest);
  }
}

std::vector<std::string> EntriesOf(const Environment& env) {
  std::vector<std::string> entries;
  entries.reserve(env.size());
  for (const auto& [name, value] : env) entries.push_back(absl::StrCat(name, "=", value));
  return entries;
}

void LeaveNoCores() {
  rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = 0;
  (void)setrlimit(RLIMIT_CORE, &limit);
}

}  // namespace iris
