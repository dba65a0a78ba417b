#include "common/environment/environment.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace iris {
namespace {

size_t BytesOf(const std::pair<const std::string, std::string>& variable) {
  return variable.first.size() + variable.second.size() + 2;  // '=' and the NUL behind it.
}

size_t BytesOf(const Environment& env) {
  size_t bytes = 0;
  for (const auto& variable : env) bytes += BytesOf(variable);
  return bytes;
}

bool Fits(const Environment& env) {
  return env.size() <= kEnvironmentEntriesMax && BytesOf(env) <= kEnvironmentBytesMax;
}

// Without them no shell finds a program, and no program its files.
bool IsNeeded(absl::string_view name) {
  constexpr absl::string_view kNames[] = {"HOME", "LANG", "LOGNAME", "PATH", "USER"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// The variables that may go, first those that go first; behind them those that are needed.
std::vector<std::string> Victims(const Environment& env, bool are_too_many) {
  std::vector<std::pair<size_t, std::string>> order;
  for (const auto& variable : env) {
    order.emplace_back(are_too_many ? order.size() : BytesOf(variable), variable.first);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& one, const auto& other) {
    const bool one_stays = IsNeeded(one.second), other_stays = IsNeeded(other.second);
    return one_stays != other_stays ? other_stays : one.first > other.first;
  });
  std::vector<std::string> names;
  for (auto& [rank, name] : order) names.push_back(std::move(name));
  return names;
}

// "A,B,and 3 more"
std::string Named(const std::vector<std::string>& names) {
  constexpr size_t kRoomForMore = 32;
  size_t shown = 0, bytes = 0;
  for (; shown < names.size(); ++shown) {
    bytes += names[shown].size() + 1;
    if (bytes > kLeftOutBytesMax - kRoomForMore) break;
  }
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(shown);
  const std::string text = absl::StrJoin(names.begin(), end, ",");
  if (shown == names.size()) return text;
  return absl::StrCat(text, shown == 0 ? "" : ",", "and ", names.size() - shown, " more");
}

}  // namespace

bool StaysBehind(absl::string_view name) {
  constexpr absl::string_view kNames[] = {
      "CLAUDECODE",
      "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS",  // As agent/claude/launch.cc sets it.
      "CLAUDE_CODE_ENTRYPOINT",
      "CLAUDE_CODE_SESSION_ID",
      "CLAUDE_CODE_SSE_PORT",
      "CLAUDE_PROJECT_DIR",
      kDaemonVariable,
      "IRIS_READY_FD",  // As common/endpoint/daemon.cc sets it.
      "IRIS_SESSION",   // kSessionMark of agent/process/strays.h.
      "OLDPWD",
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
    AddEntry(*entry, env);
  }
  env.erase(kLeftOutVariable);  // Of the environment around this one.
  CutEnvironment(env);
  return env;
}

void CutEnvironment(Environment& env) {
  if (Fits(env)) return;
  // Its maker has cut it too.
  std::vector<std::string> left_out = LeftOutOf(env);
  env.erase(kLeftOutVariable);
  constexpr size_t kBytesMax =
      kEnvironmentBytesMax - kLeftOutBytesMax - sizeof(kLeftOutVariable) - 1;
  size_t bytes = BytesOf(env);
  const auto cut = [&](const std::vector<std::string>& victims, const auto& is_enough) {
    for (const std::string& name : victims) {
      if (is_enough()) return;
      const auto found = env.find(name);
      bytes -= BytesOf(*found);
      env.erase(found);
      left_out.push_back(name);
    }
  };
  cut(Victims(env, /*are_too_many=*/true), [&] { return env.size() < kEnvironmentEntriesMax; });
  cut(Victims(env, /*are_too_many=*/false), [&] { return bytes <= kBytesMax; });
  env[kLeftOutVariable] = Named(left_out);
}

std::vector<std::string> LeftOutOf(const Environment& env) {
  const auto found = env.find(kLeftOutVariable);
  if (found == env.end()) return {};
  return absl::StrSplit(absl::string_view(found->second).substr(0, kLeftOutBytesMax), ',',
                        absl::SkipEmpty());
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
  // core(5): a kernel looks at no limit where it pipes the core to a program, unless it is 1.
  limit.rlim_cur = std::min<rlim_t>(1, limit.rlim_max);
  (void)setrlimit(RLIMIT_CORE, &limit);
  if (limit.rlim_max > 0) return;
  const int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
  if (filter < 0) return;
  (void)!write(filter, "0", 1);
  close(filter);
}

}  // namespace iris
