#include "coordinator/config/schema.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/path_value.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/shell_words.h"

namespace iris {
namespace {

constexpr int64_t kDescriptionBytesMax = 4096;
constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr int64_t kVariablesMax = 64;
constexpr absl::string_view kVariablesForm = "`{\"NAME\": \"value\"}`";
constexpr absl::string_view kNamesForm = "names of variables";

// It stands in a line for whatever login shell the host has.
absl::Status StoreAgentDir(std::string path, std::string* out) {
  if (!IsQuietInShells(path)) {
    return Refuse("holds characters that not every login shell leaves alone",
                  absl::StrCat("Use ", kQuietInShellsText, " only."));
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

absl::Status StoreGrant(absl::string_view who, bool* ask) {
  if (who != "no" && who != "ask") {
    return Refuse("must be no or ask",
                  "Write no or ask; \"skipPermissions\": true does what \"yes\" would mean.");
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
    std::to_array<Key>({
        {"settings.idleTimeout", KeyType::kMilliseconds, 1, 30 * kDayMs, false, "", "3600000",
         "For teams that do not set their own: a conversation's `claude` ends after this time "
         "without a message.",
         [](KeyValue value, const KeyTarget& target) {
           target.settings->idle_timeout = absl::Milliseconds(value.number);
           return absl::OkStatus();
         }},
        {"settings.sessionInitTimeout", KeyType::kMilliseconds, 1000, 600000, false, "", "30000",
         "For teams that do not set their own: how long a new `claude` may take to become "
         "ready.",
         [](KeyValue value, const KeyTarget& target) {
           target.settings->session_init_timeout = absl::Milliseconds(value.number);
           return absl::OkStatus();
         }},
        {"settings.maxProcesses", KeyType::kNumber, 1, 1000, false, "", "10",
         "How many conversations may have a running `claude` at the same time. For one more, "
         "the idle `claude` that was used longest ago is ended (its conversation stays); if "
         "all are busy, messages wait. Processes on unreachable hosts, and those of an "
         "earlier coordinator, do not count until they are used again.",
         [](KeyValue value, const KeyTarget& target) {
           target.settings->max_processes = static_cast<int>(value.number);
           return absl::OkStatus();
         }},
        {"settings.agentBundle", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
         "those that came with `iris`",
         "A directory on this machine with builds of Iris's agent (`iris-agent-ARCH`), which "
         "is searched first.",
         [](KeyValue value, const KeyTarget& target) {
           return StoreLocalPath(std::move(value.text), target.home,
                                 &target.settings->agent_bundle);
         }},
        {"settings.allowedRemoteCommands", KeyType::kTextList, 0, 32, false,
         "names or absolute paths of programs", "none",
         "Other programs allowed as the first word of `remote` (exact match), for example an "
         "ssh wrapper. Iris runs them with ssh's arguments.",
         [](KeyValue value, const KeyTarget& target) {
           return StorePrograms(std::move(value.list), &target.settings->allowed_remote_commands);
         }},
        {"settings.env", KeyType::kVariables, 0, kVariablesMax, false, kVariablesForm, "none",
         "For every team: environment variables for its `claude`. See \"The environment\" "
         "below.",
         [](KeyValue value, const KeyTarget& target) {
           target.settings->env = std::move(value.variables);
           return absl::OkStatus();
         }},
        {"settings.passEnv", KeyType::kTextList, 0, kVariablesMax, false, kNamesForm, "none",
         "For every team: names of variables that its `claude` gets from the caller's "
         "environment.",
         [](KeyValue value, const KeyTarget& target) {
           return StoreNames(std::move(value.list), &target.settings->pass_env);
         }},
        {"teams.*.path", KeyType::kText, 1, kPathBytesMax, true, kPathForm,
         "", "The project's directory on the team's host. It need not exist when Iris starts.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->written_path = std::move(value.written);
           return StoreHostPath(std::move(value.text), &target.team->path);
         }},
        {"teams.*.description", KeyType::kText, 0, kDescriptionBytesMax, false,
         "", "", "What the team is for. Other teams read it to decide whom to ask.",
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
         "A conversation's `claude` ends after this time without a message; the next message "
         "resumes the conversation.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->idle_timeout = absl::Milliseconds(value.number);
           return absl::OkStatus();
         }},
        {"teams.*.sessionInitTimeout", KeyType::kMilliseconds, 1000, 600000, false,
         "", "`settings.sessionInitTimeout`", "How long a new `claude` may take to become ready.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->session_init_timeout = absl::Milliseconds(value.number);
           return absl::OkStatus();
         }},
        {"teams.*.skipPermissions", KeyType::kFlag, 0, 0, false, "", "false",
         "Start `claude` without permission checks: every tool runs without approval.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->skip_permissions = value.flag;
           return absl::OkStatus();
         }},
        {"teams.*.grantPermission", KeyType::kText, 1, 10, false, "`no` or `ask`", "no",
         "What to do when the team's `claude` wants a tool that needs approval: `no` denies "
         "it, `ask` waits until a person runs `iris answer` (at most 24 hours). No effect if "
         "`skipPermissions` is true.",
         [](KeyValue value, const KeyTarget& target) {
           return StoreGrant(value.text, &target.team->ask_permissions);
         }},
        {"teams.*.claudePath", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
         "found on the host", "The `claude` program on the team's host.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->written_claude_path = std::move(value.written);
           return StoreHostPath(std::move(value.text), &target.team->claude_path);
         }},
        {"teams.*.env", KeyType::kVariables, 0, kVariablesMax, false, kVariablesForm, "none",
         "Environment variables for the team's `claude`; they override `settings.env`. See "
         "\"The environment\" below.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->env = std::move(value.variables);
           return absl::OkStatus();
         }},
        {"teams.*.passEnv", KeyType::kTextList, 0, kVariablesMax, false, kNamesForm, "none",
         "Names of variables that the team's `claude` gets from the caller's environment, in "
         "addition to `settings.passEnv`.",
         [](KeyValue value, const KeyTarget& target) {
           return StoreNames(std::move(value.list), &target.team->pass_env);
         }},
        {"teams.*.color", KeyType::kText, 1, 7, false, "`#rrggbb`", "",
         "The team's colour, for programs that read `iris teams --json`.",
         [](KeyValue value, const KeyTarget& target) {
           return StoreColor(std::move(value.text), &target.team->color);
         }},
        {"teams.*.remoteOptions.connectTimeout", KeyType::kMilliseconds, 100, 600000, false, "",
         "10000", "How long the host may take to accept a connection.",
         [](KeyValue value, const KeyTarget& target) {
           target.team->remote_options.connect_timeout = absl::Milliseconds(value.number);
           return absl::OkStatus();
         }},
        {"teams.*.remoteOptions.agentDir", KeyType::kText, 1, kPathBytesMax, false, kPathForm,
         "the first usable one of several",
         "The directory on the host for Iris's agent and its data.",
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
