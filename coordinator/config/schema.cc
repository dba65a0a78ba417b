#include "coordinator/config/schema.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "coordinator/config/expand.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/shell_words.h"

namespace iris {
namespace {

constexpr int64_t kPathBytesMax = 4096;
constexpr int64_t kDescriptionBytesMax = 4096;
constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr int64_t kVariablesMax = 64;
constexpr absl::string_view kVariablesForm = "values by the names of variables";
constexpr absl::string_view kNamesForm = "names of variables";
constexpr absl::string_view kPathForm = "absolute path or `~/…`";

// Checks a path that a host will resolve, so ~/ stays.
absl::Status StoreHostPath(std::string path, std::string* out) {
  if (!absl::StartsWith(path, "/") && !absl::StartsWith(path, "~/")) {
    return Refuse("is not an absolute path", "Begin it with / or ~/.");
  }
  *out = std::move(path);
  return absl::OkStatus();
}

absl::Status StoreLocalPath(std::string path, absl::string_view home, std::string* out) {
  if (absl::Status status = StoreHostPath(std::move(path), out); !status.ok()) return status;
  absl::StatusOr<std::string> expanded = ExpandHome(*out, home);
  if (!expanded.ok()) return expanded.status();
  *out = *std::move(expanded);
  return absl::OkStatus();
}

// It stands in a line for whatever login shell the host has.
absl::Status StoreAgentDir(std::string path, std::string* out) {
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
           absl::StrContains(" ./_~+@=:,-", c);
  });
  if (!plain) {
    return Refuse("holds characters that not every login shell leaves alone",
                  "Use letters, digits, blanks and ./_~+@=:,- only.");
  }
  return StoreHostPath(std::move(path), out);
}

absl::Status StoreColor(std::string color, std::string* out) {
  if (color.size() != 7 || color[0] != '#' ||
      !std::all_of(color.begin() + 1, color.end(), absl::ascii_isxdigit)) {
    return Refuse("is not a colour", "Write it as #rrggbb, for example #ff8800.");
  }
  *out = std::move(color);
  return absl::OkStatus();
}

absl::Status StoreLinkMode(absl::string_view mode, RemoteOptions::LinkMode* out) {
  using LinkMode = RemoteOptions::LinkMode;
  for (const auto& [name, value] : {std::pair{"auto", LinkMode::kAuto},
                                    {"forward", LinkMode::kForward},
                                    {"stdio", LinkMode::kStdio}}) {
    if (mode != name) continue;
    *out = value;
    return absl::OkStatus();
  }
  return Refuse("is not a way to use a connection", "Write auto, forward or stdio.");
}

absl::Status StoreGrant(absl::string_view who, bool* ask) {
  if (who != "no" && who != "ask") {
    return Refuse("is not a way to give permissions",
                  "Write no or ask; skipPermissions does what \"yes\" would mean.");
  }
  *ask = who == "ask";
  return absl::OkStatus();
}

absl::Status StorePrograms(std::vector<std::string> programs, std::vector<std::string>* out) {
  for (const std::string& program : programs) {
    const bool is_name = program.find('/') == std::string::npos && program[0] != '-';
    if (!is_name && program[0] != '/') {
      return Refuse("holds an entry that is neither a name nor an absolute path",
                    "Write a program's name as `remote` spells it (myssh), or /its/whole/path.");
    }
  }
  *out = std::move(programs);
  return absl::OkStatus();
}

absl::Status StoreNames(std::vector<std::string> names, std::vector<std::string>* out) {
  for (const std::string& name : names) {
    if (absl::Status status = CheckVariable(name); !status.ok()) return status;
  }
  *out = std::move(names);
  return absl::OkStatus();
}

absl::Status StoreRemote(KeyValue value, Team* team) {
  team->remote.emplace();
  // Taken apart by the loader, once the settings are known.
  team->remote->text = std::move(value.text);
  team->remote->written = std::move(value.written);
  return absl::OkStatus();
}

const std::array kKeys =
    std::to_array<Key>(
        {
            {"settings.idleTimeout", KeyType::kMilliseconds, 1, 30 * kDayMs, false, "", "3600000",
             "For teams that do not set it: a session's `claude` ends after so long without a "
             "message.",
             [](KeyValue value, const KeyTarget& target) {
               target.settings->idle_timeout = absl::Milliseconds(value.number);
               return absl::OkStatus();
             }},
            {"settings.sessionInitTimeout", KeyType::kMilliseconds, 1000, 600000, false, "",
             "30000",
             "For teams that do not set it: how long a new `claude` may take until it is ready.",
             [](KeyValue value, const KeyTarget& target) {
               target.settings->session_init_timeout = absl::Milliseconds(value.number);
               return absl::OkStatus();
             }},
            {"settings.maxProcesses", KeyType::kNumber, 1, 1000, false, "", "10",
             "How many sessions may have a `claude` at a time. For one more, the session that was "
             "used longest ago and is idle is put to sleep; where all are busy, messages wait. "
             "What "
             "an earlier coordinator left running, or is behind a lost link, is not counted until "
             "it is used again.",
             [](KeyValue value, const KeyTarget& target) {
               target.settings->max_processes = static_cast<int>(value.number);
               return absl::OkStatus();
             }},
            {"settings.agentBundle", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
             "those that came with `iris`",
             "A directory on this machine to look in first for the agent's builds "
             "(`iris-agent-ARCH`) that "
             "Iris puts on hosts.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreLocalPath(std::move(value.text), target.home,
                                     &target.settings->agent_bundle);
             }},
            {"settings.allowedRemoteCommands", KeyType::kTextList, 0, 32, false,
             "names or absolute paths of programs", "none",
             "Further programs that a team's `remote` may begin with, letter by letter. Each is "
             "run with "
             "ssh's arguments: a wrapper around ssh.",
             [](KeyValue value, const KeyTarget& target) {
               return StorePrograms(std::move(value.list),
                                    &target.settings->allowed_remote_commands);
             }},
            {"settings.env", KeyType::kVariables, 0, kVariablesMax, false, kVariablesForm, "none",
             "For every team: variables that its `claude` is started with. See \"The environment\" "
             "below.",
             [](KeyValue value, const KeyTarget& target) {
               target.settings->env = std::move(value.variables);
               return absl::OkStatus();
             }},
            {"settings.passEnv", KeyType::kTextList, 0, kVariablesMax, false, kNamesForm, "none",
             "For every team: variables of whoever asks that its `claude` is started with.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreNames(std::move(value.list), &target.settings->pass_env);
             }},
            {"teams.*.path", KeyType::kText, 1, kPathBytesMax, true, kPathForm,
             "", "The project's directory on the team's host. It need not exist when Iris starts.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreHostPath(std::move(value.text), &target.team->path);
             }},
            {"teams.*.description", KeyType::kText, 0, kDescriptionBytesMax, false,
             "", "", "What the team is for; other teams read it to find whom to ask.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->description = std::move(value.text);
               return absl::OkStatus();
             }},
            {"teams.*.remote", KeyType::kText, 1, kShellTextBytesMax, false,
             "a command: `ssh [OPTIONS] [USER@]HOST`", "this machine",
             "How to reach the team's host. See \"The remote command\" below.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreRemote(std::move(value), target.team);
             }},
            {"teams.*.idleTimeout", KeyType::kMilliseconds, 1, 30 * kDayMs, false,
             "", "`settings.idleTimeout`",
             "A session's `claude` ends after so long without a message; the next "
             "message resumes the session.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->idle_timeout = absl::Milliseconds(value.number);
               return absl::OkStatus();
             }},
            {"teams.*.sessionInitTimeout", KeyType::kMilliseconds, 1000, 600000, false,
             "", "`settings.sessionInitTimeout`",
             "How long a new `claude` may take until it is ready.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->session_init_timeout = absl::Milliseconds(value.number);
               return absl::OkStatus();
             }},
            {"teams.*.skipPermissions", KeyType::kFlag, 0, 0, false, "", "false",
             "Start `claude` without its permission checks: it does whatever it is asked to.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->skip_permissions = value.flag;
               return absl::OkStatus();
             }},
            {"teams.*.grantPermission", KeyType::kText, 1, 10, false, "`no` or `ask`", "no",
             "What becomes of a tool that `claude` may not use without asking: `no` denies it, "
             "`ask` waits until a person says `iris answer` (24 hours at most). Without effect "
             "where "
             "`skipPermissions` is true.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreGrant(value.text, &target.team->ask_permissions);
             }},
            {"teams.*.claudePath", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
             "found on the host", "The `claude` to start, on the team's host.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreHostPath(std::move(value.text), &target.team->claude_path);
             }},
            {"teams.*.env", KeyType::kVariables, 0, kVariablesMax, false, kVariablesForm, "none",
             "Variables that `claude` is started with, before those of `settings.env`. See \"The "
             "environment\" below.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->env = std::move(value.variables);
               return absl::OkStatus();
             }},
            {"teams.*.passEnv", KeyType::kTextList, 0, kVariablesMax, false, kNamesForm, "none",
             "Variables of whoever asks that `claude` is started with, besides those of "
             "`settings.passEnv`.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreNames(std::move(value.list), &target.team->pass_env);
             }},
            {"teams.*.color", KeyType::kText, 1, 7, false, "`#rrggbb`",
             "", "The team's colour wherever it is shown.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreColor(std::move(value.text), &target.team->color);
             }},
            {"teams.*.remoteOptions.identity", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
             "ssh's choice",
             "The file on this machine that holds the private key to log in with (`ssh -i`).",
             [](KeyValue value, const KeyTarget& target) {
               RemoteOptions& options = target.team->remote_options;
               options.written_identity = std::move(value.written);
               return StoreLocalPath(std::move(value.text), target.home, &options.identity);
             }},
            {"teams.*.remoteOptions.port", KeyType::kNumber, 1, 65535, false, "", "ssh's choice",
             "The port of the host's sshd (`ssh -p`).",
             [](KeyValue value, const KeyTarget& target) {
               target.team->remote_options.port = static_cast<int>(value.number);
               return absl::OkStatus();
             }},
            {"teams.*.remoteOptions.strictHostKeyChecking", KeyType::kFlag, 0, 0, false, "",
             "ssh's choice",
             "`true` refuses a host whose key is not known yet; `false` takes the key of a host "
             "that is "
             "seen for the first time, and refuses a changed one.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->remote_options.strict_host_key_checking = value.flag;
               return absl::OkStatus();
             }},
            {"teams.*.remoteOptions.forwardAgent", KeyType::kFlag, 0, 0, false, "", "ssh's choice",
             "`true` lends the team on the host the keys of this machine's ssh agent (`ssh -A`); "
             "`false` does not, whatever ssh's configuration says.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->remote_options.forward_agent = value.flag;
               return absl::OkStatus();
             }},
            {"teams.*.remoteOptions.connectTimeout", KeyType::kMilliseconds, 100, 600000, false, "",
             "10000", "How long the host may take to accept a connection.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->remote_options.connect_timeout = absl::Milliseconds(value.number);
               return absl::OkStatus();
             }},
            {"teams.*.remoteOptions.serverAliveInterval", KeyType::kMilliseconds, 1000, 3600000,
             false, "", "30000",
             "ssh asks a silent host for a sign of life this often. Rounded up to whole seconds.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->remote_options.server_alive_interval =
                   absl::Ceil(absl::Milliseconds(value.number), absl::Seconds(1));
               return absl::OkStatus();
             }},
            {"teams.*.remoteOptions.serverAliveCountMax", KeyType::kNumber, 1, 100, false, "", "3",
             "ssh gives a host up after so many signs of life that did not come.",
             [](KeyValue value, const KeyTarget& target) {
               target.team->remote_options.server_alive_count_max = static_cast<int>(value.number);
               return absl::OkStatus();
             }},
            {"teams.*.remoteOptions.linkMode", KeyType::kText, 1, 10, false,
             "`auto`, `forward` or `stdio`", "auto",
             "How Iris uses the ssh connection: `forward` opens a UNIX-socket forward and fails "
             "(`unreachable`) where the host refuses it, `stdio` never asks for one, `auto` falls "
             "back from the "
             "one to the other.",
             [](KeyValue value, const KeyTarget& target) {
               return StoreLinkMode(value.text, &target.team->remote_options.link_mode);
             }},
            {"teams.*.remoteOptions.agentDir", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
             "the first of the usual places that will do",
             "The directory on the host for the agent and what it keeps.",
             [](KeyValue value, const KeyTarget& target) {
               RemoteOptions& options = target.team->remote_options;
               options.written_agent_dir = std::move(value.written);
               return StoreAgentDir(std::move(value.text), &options.agent_dir);
             }},
        });

}  // namespace

absl::Span<const Key> Schema() { return kKeys; }

const Key* FindKey(absl::string_view path) {
  for (const Key& key : kKeys) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

bool HasKeysBelow(absl::string_view path) {
  if (path.empty()) return true;
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [prefix = absl::StrCat(path, ".")](const Key& key) {
                       return absl::StartsWith(key.path, prefix);
                     });
}

}  // namespace iris
