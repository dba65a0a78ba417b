#include "coordinator/reach/ssh/remote_options.h"

#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "coordinator/config/expand.h"
#include "coordinator/config/key.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/schema.h"
#include "coordinator/reach/ssh/ssh_keys.h"

namespace iris {
namespace {

// Times as ssh_config(5) has them, "90", "1m30s", in whole seconds. nullopt: not a time.
absl::optional<int64_t> SshSeconds(absl::string_view text) {
  constexpr int64_t kSecondsMax = 10 * 365 * 86400;
  int64_t total = 0;
  while (!text.empty()) {
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
    int64_t count = 0;
    if (!absl::SimpleAtoi(text.substr(0, digits), &count) || count > kSecondsMax) {
      return absl::nullopt;
    }
    text.remove_prefix(digits);
    int64_t unit = 1;
    if (!text.empty()) {
      switch (absl::ascii_tolower(text[0])) {
        case 's':
          break;
        case 'm':
          unit = 60;
          break;
        case 'h':
          unit = 3600;
          break;
        case 'd':
          unit = 86400;
          break;
        case 'w':
          unit = 7 * 86400;
          break;
        default:
          return absl::nullopt;
      }
      text.remove_prefix(1);
    }
    total += count * unit;
    if (total > kSecondsMax) return absl::nullopt;
  }
  return total;
}

int64_t WholeSeconds(absl::Duration duration) {
  return absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1)));
}

// One option that can be given in two places. Values are compared as text of one form.
struct SharedOption {
  absl::string_view keyword;  // Lower case, as in SshSetting.
  absl::string_view key;      // Below remoteOptions.
  // The form of what `remote` says; what cannot be read stays as it is and differs from everything.
  std::string (*of_remote)(const std::string& value, absl::string_view home);
  std::string (*of_options)(const SshOptions& options);
  // Takes `number`, in the key's own unit, over; null: ssh reads it from `remote` itself.
  void (*take_over)(int64_t number, RemoteOptions* options);
};

std::string Verbatim(const std::string& value, absl::string_view) { return value; }

std::string Seconds(const std::string& value, absl::string_view) {
  const absl::optional<int64_t> seconds = SshSeconds(value);
  return seconds.has_value() ? absl::StrCat(*seconds) : value;
}

std::string Strictness(const std::string& value, absl::string_view) {
  const std::string lower = absl::AsciiStrToLower(value);
  return lower == "true" ? "yes" : lower;
}

// "yes" and "no"; a path or a variable, which ForwardAgent may name too, differs from both.
std::string YesOrNo(const std::string& value, absl::string_view) {
  const std::string lower = absl::AsciiStrToLower(value);
  if (lower == "true") return "yes";
  if (lower == "false") return "no";
  return lower == "yes" || lower == "no" ? lower : value;
}

std::string AbsolutePath(const std::string& value, absl::string_view home) {
  return ExpandHome(value, home).value_or(value);
}

const std::array kShared = std::to_array<SharedOption>({
    {"port", "port", Verbatim, [](const SshOptions& o) { return absl::StrCat(o.port); }, nullptr},
    {"identityfile", "identity", AbsolutePath, [](const SshOptions& o) { return o.identity; },
     nullptr},
    {"stricthostkeychecking", "strictHostKeyChecking", Strictness,
     [](const SshOptions& o) -> std::string {
       return o.strict_host_key_checking.value_or(true) ? "yes" : "accept-new";
     },
     nullptr},
    {"forwardagent", "forwardAgent", YesOrNo,
     [](const SshOptions& o) -> std::string {
       return o.forward_agent.value_or(false) ? "yes" : "no";
     },
     nullptr},
    {"connecttimeout", "connectTimeout", Seconds,
     [](const SshOptions& o) { return absl::StrCat(WholeSeconds(o.connect_timeout)); },
     [](int64_t number, RemoteOptions* o) { o->connect_timeout = absl::Milliseconds(number); }},
    {"serveraliveinterval", "serverAliveInterval", Seconds,
     [](const SshOptions& o) { return absl::StrCat(WholeSeconds(o.server_alive_interval)); },
     [](int64_t number, RemoteOptions* o) { o->own["serverAliveInterval"].number = number; }},
    {"serveralivecountmax", "serverAliveCountMax", Verbatim,
     [](const SshOptions& o) { return absl::StrCat(o.server_alive_count_max); },
     [](int64_t number, RemoteOptions* o) { o->own["serverAliveCountMax"].number = number; }},
});

// Every kind's, or one that is ssh's alone. There is one.
const Key& KeyNamed(absl::string_view name) {
  for (const Key& key : SshKeys()) {
    if (NameOf(key) == name) return key;
  }
  return *FindKey(absl::StrCat("teams.*.remoteOptions.", name));
}

absl::Status TakeOver(const SharedOption& shared, const std::string& value,
                      RemoteOptions* options) {
  const Key& key = KeyNamed(shared.key);
  const int64_t unit = key.type == KeyType::kMilliseconds ? 1000 : 1;
  int64_t number = 0;
  if (!absl::SimpleAtoi(value, &number) || number < (key.min + unit - 1) / unit ||
      number > key.max / unit) {
    return Refuse(
        absl::StrCat("the value of ", shared.keyword, " is not one that Iris can work with"),
        absl::StrCat("Remove it from `remote` and set remoteOptions.", shared.key, " to ", key.min,
                     "–", key.max, "."));
  }
  shared.take_over(number * unit, options);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReconcileRemoteOptions(absl::Span<const SshSetting> settings,
                                    const absl::flat_hash_set<std::string>& given,
                                    absl::string_view home, RemoteOptions* options) {
  const SshOptions given_options = SshOptionsOf(*options);
  for (const SharedOption& shared : kShared) {
    bool first = true;
    for (const SshSetting& setting : settings) {
      if (setting.keyword != shared.keyword) continue;
      const std::string value = shared.of_remote(setting.value, home);
      if (given.contains(std::string(shared.key))) {
        if (value != shared.of_options(given_options)) {
          return Refuse(absl::StrCat("gives ", shared.keyword, "=", Shown(setting.value),
                                     ", and remoteOptions.", shared.key, " says otherwise"),
                        "Keep one of the two.");
        }
      } else if (first && shared.take_over != nullptr) {
        if (absl::Status status = TakeOver(shared, value, options); !status.ok()) return status;
      }
      first = false;
    }
  }
  return absl::OkStatus();
}

}  // namespace iris
