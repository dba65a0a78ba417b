#include "coordinator/config_file/config_doc.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "coordinator/config/key.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/refused_keys.h"
#include "coordinator/config/schema.h"
#include "coordinator/reach/remote_kinds.h"
#include "coordinator/reach/ssh/ssh_options.h"

namespace iris {
namespace {

constexpr absl::string_view kIntroduction = R"(# Configuration

<!-- Made from coordinator/config/schema.cc, the tables beside it, and those of the kinds of hosts
     (coordinator/reach). Do not edit; run
     bazel run //coordinator/config_file:config_doc > docs/CONFIG.md -->

Iris reads one file: `$IRIS_CONFIG`; else, where `IRIS_HOME` is set, `config.json`, `config.yaml` or
`config.yml` in that folder, and no other; else the same names in
`${XDG_CONFIG_HOME:-~/.config}/iris`. Two of the three names in one directory are an error. A file
has at most 1 MiB and 1000 teams. The words are explained in [GLOSSARY.md](GLOSSARY.md); if you have
a configuration of iris-mcp, read [COMING_FROM_IRIS_MCP.md](COMING_FROM_IRIS_MCP.md).

```json
{
  "settings": {"idleTimeout": 1800000},
  "teams": {
    "frontend": {"path": "/home/me/app", "description": "React client"},
    "gpu": {
      "remote": "ssh -J bastion ml@gpu1",
      "path": "/mnt/ml",
      "description": "8 GPUs",
      "remoteOptions": {"identity": "~/.ssh/gpu", "connectTimeout": 5000}
    }
  }
}
```

The same in YAML, in a file whose name ends in `.yaml` or `.yml`:

```yaml
settings:
  idleTimeout: 1800000
teams:
  frontend:
    path: /home/me/app
    description: React client
  gpu:
    remote: ssh -J bastion ml@gpu1
    path: /mnt/ml
    description: 8 GPUs
    remoteOptions: {identity: ~/.ssh/gpu, connectTimeout: 5000}
```

JSON is strict, without comments. YAML follows the core schema of YAML 1.2: `true` and `false` are
booleans; `yes`, `no`, `on` and `off` are strings. Anchors, aliases, tags and a second document are
errors.

Every key is either honoured or rejected with an error; nothing is ignored. Errors are an unknown
key, a wrong type, a value out of range, and a key given twice; an empty section (`teams:` alone) is
allowed. Each error names the file, the line or the key, and the fix; all errors of a file are listed
together. Edits apply at once, without a restart. If the file becomes invalid, a running coordinator
keeps the last good configuration, and every answer says so.

In every value `${VAR}` is replaced with that variable of the caller's environment (the shell of an
`iris tell`, the MCP client), and `${VAR:-default}` with the default if the variable is unset or
empty. An unset variable without a default is an error for the callers that do not have it. A number
or a boolean with a variable is written as a string: `"maxProcesses": "${IRIS_MAX_PROCESSES:-10}"`.
Nothing else is expanded: not `$VAR`, not keys, and not the value of a variable.

Times are in milliseconds. In a path on the team's host (`path`, `claudePath`, `agentDir`) `~/` is
the home directory there; elsewhere `~/` is your home directory on this machine.
)";

constexpr absl::string_view kTeamNames = R"(
A team's name is its key below `teams`: 1–64 letters, digits, `.`, `_` and `-`, not beginning with
`.` or `-`. The name `cli` is reserved. A message that is sent from inside a local team's `path`
comes from that team. Symbolic links are resolved; the innermost path wins, and of two teams with
the same path the first.
)";

constexpr absl::string_view kEnvironment = R"(
## The environment

A team's `claude` is started with

1. the environment that it would have without Iris: on a host the one that `ssh HOST claude` has
   there (startup files of a non-interactive shell, `/etc/environment`), on this machine the one of
   the `iris tell` or MCP client whose message starts it. Variables that a surrounding `claude` sets
   are removed (`CLAUDECODE`, `CLAUDE_CODE_ENTRYPOINT`, `CLAUDE_CODE_SSE_PORT`,
   `CLAUDE_CODE_SESSION_ID`, `CLAUDE_PROJECT_DIR`);
2. then the variables named in `passEnv`, with the caller's values, if the caller has them;
3. then `settings.env`, then the team's `env`. An empty value removes a variable.

A running `claude` keeps its environment until you edit these keys; `PWD` is the team's directory.
`iris status --long` and `team_status` list the names of the variables and never a value; values are
neither stored nor logged. If an environment has more than 256 KiB or 4,096 variables, the largest
are left out (never `PATH`, `HOME`, `USER`, `LOGNAME` and `LANG`); `IRIS_LEFT_OUT`, `iris status` and
the progress of the start name them. An agent of an older build that cannot set `env` and `passEnv`
is an error (`version`).
)";

constexpr absl::string_view kRemote = R"(
## The remote command

`remote` is an ssh command, `ssh [OPTIONS] [USER@]HOST`, that connects from your shell without a
prompt. It is split into words by the quoting rules of POSIX sh (at most 8 KiB, 128 words) and run
without a shell: unquoted ``$ ` ; | & < > ( )`` and line breaks are errors; `~/` at the start of a
word is your home directory. `~/.ssh/config`, the ssh-agent and jump hosts work as in your shell after
`cd /`: ssh gets the caller's whole environment, but runs in `/`. So a `Match exec` or ProxyCommand
does not see the directory of whoever asks (`pwd` and `$PWD` are `/` there), and a relative path in
`remote`, or of a key in `~/.ssh/config`, is looked for in `/`.
A user name with a backslash or a `$` needs single quotes: `ssh 'CORP\jdoe@gpu1'` (in a JSON file
`\\` is one backslash).

The first word must be `ssh`, or an entry of `settings.allowedRemoteCommands`. `docker`, `podman`,
`kubectl`, `wsl` and `https://…` are not built yet. No command may follow the host: `path` and
`claudePath` say what runs there.

An option with one value in `remote` and another in `remoteOptions` is an error. So are the options
that Iris sets itself or cannot work with, also as `-o KEYWORD=…`:

| option | why |
|---|---|
)";

constexpr absl::string_view kSecrets = R"(
## Who may write the file

A configuration names programs that run as you. So Iris rejects it if anybody except you and root
owns or may write the file, or a directory or link on the path to it (in your home: from there on).
That is checked at the start and at every reload; after a failed reload the last good configuration
stays in force. Allowed are directories with the sticky bit (`/tmp`), and a group of which you are
the only member (umask 002). The error has the `chmod` that fixes it.

## Secrets

A private key in the file is an error: name the key's own file in `remoteOptions.identity`. If the
group or others may read the file, it must not contain a secret: an Anthropic API key, or a string
under a key that ends in `token`, `password`, `passphrase`, `secret`, `key` or `credentials` (upper
or lower case), unless the string is one `${VAR}`.

## Keys that are known and refused

Most of these keys are from iris-mcp. Each is an error that says why, and what to do instead.

| key | why | instead |
|---|---|---|
)";

// A '|' would end the cell.
std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

// What of `keys` stands below `prefix` and not deeper.
std::string KeyTable(absl::string_view title, absl::string_view prefix,
                     absl::Span<const Key> keys = Schema()) {
  std::string table =
      absl::StrCat("\n", title, "\n\n| key | value | default | meaning |\n", "|---|---|---|---|\n");
  for (const Key& key : keys) {
    absl::string_view name = key.path;
    if (!absl::ConsumePrefix(&name, prefix) || absl::StrContains(name, ".")) continue;
    absl::StrAppend(&table, Row({absl::StrCat("`", name, "`"), ValueForm(key),
                                 key.required ? "required" : std::string(key.default_text),
                                 std::string(key.description)}));
  }
  return table;
}

// What every host has, then what those of one kind have.
std::string RemoteOptionTables() {
  constexpr absl::string_view kPrefix = "teams.*.remoteOptions.";
  std::string tables = KeyTable("## `teams.NAME.remoteOptions`", kPrefix);
  for (const RemoteKind& kind : RemoteKinds()) {
    absl::StrAppend(&tables, KeyTable(absl::StrCat("### Of a host that is reached by ", kind.name),
                                      kPrefix, kind.reader->keys()));
  }
  return tables;
}

// One row a reason: many options are refused for the same one.
std::string RefusedOptions() {
  std::vector<std::pair<absl::string_view, std::vector<std::string>>> reasons;
  const auto add = [&reasons](absl::string_view why, std::string option) {
    for (auto& [reason, options] : reasons) {
      if (reason == why) return options.push_back(std::move(option));
    }
    reasons.push_back({why, {std::move(option)}});
  };
  for (const SshLetter& option : SshLetters()) {
    if (option.why_refused.empty()) continue;
    add(option.why_refused, absl::StrCat("`-", std::string(1, option.letter), "`"));
  }
  for (const SshKeyword& option : RefusedSshKeywords()) {
    add(option.why_refused,
        absl::StrCat(
            "`", option.keyword, "`",
            option.harmless.empty() ? "" : absl::StrCat(" (except ", option.harmless, ")")));
  }
  std::string rows;
  for (const auto& [reason, options] : reasons) {
    absl::StrAppend(&rows, Row({absl::StrJoin(options, ", "), std::string(reason)}));
  }
  return rows;
}

std::string RefusedKeyRows() {
  std::vector<RefusedKey> keys(RefusedKeys().begin(), RefusedKeys().end());
  for (const RemoteKind& kind : RemoteKinds()) {
    const absl::Span<const RefusedKey> own = kind.reader->refused_keys();
    keys.insert(keys.end(), own.begin(), own.end());
  }
  absl::c_stable_sort(
      keys, [](const RefusedKey& one, const RefusedKey& other) { return one.path < other.path; });
  std::string rows;
  for (const RefusedKey& key : keys) {
    absl::StrAppend(
        &rows, Row({absl::StrCat("`", key.path, "`"), std::string(key.why), std::string(key.fix)}));
  }
  return rows;
}

}  // namespace

std::string ConfigDoc() {
  return absl::StrCat(kIntroduction, KeyTable("## `settings`", "settings."),
                      KeyTable("## `teams.NAME`", "teams.*."), kTeamNames, RemoteOptionTables(),
                      kEnvironment, kRemote, RefusedOptions(), kSecrets, RefusedKeyRows());
}

}  // namespace iris
