#include "coordinator/config/config_doc.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/not_built.h"
#include "coordinator/config/schema.h"
#include "coordinator/config/ssh_options.h"

namespace iris {
namespace {

constexpr absl::string_view kIntroduction = R"(# Configuration

<!-- Made from coordinator/config/schema.cc and the tables beside it. Do not edit; run
     bazel run //coordinator/config:config_doc > docs/CONFIG.md -->

One file: `$IRIS_CONFIG`, else `config.json`, `config.yaml` or `config.yml` in `$IRIS_HOME`, else
in `${XDG_CONFIG_HOME:-~/.config}/iris`; two of the three in one directory are refused. At most
1 MiB, 1000 teams.

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

JSON is strict, without comments. YAML is typed by the core schema of YAML 1.2: `true` and `false`
are flags, `yes`, `no`, `on` and `off` are text. Anchors, aliases, tags and a second document are
refused.

What is written here is done, or refused when the file is loaded: an unknown key, a wrong type, a
value out of range, a key given twice. Every refusal names the file, the line or the key, and the
fix; all keys that are wrong are named at once. A change counts at once. While the file cannot be
used as it is, a coordinator that runs keeps the last configuration that could be, and every answer
says so.

In every string value `${VAR}` stands for the environment variable of whoever asks (the shell of an
`iris tell`, the MCP client), and `${VAR:-default}` for the default where the variable is unset or
empty. An unset variable without a default is refused, to whoever does not have it.
Nothing else is expanded: neither `$VAR` nor keys, and what a variable holds is not expanded
again.

Times are milliseconds. `~/` in a path that the host resolves (`path`, `claudePath`, `agentDir`)
is the home directory there; in any other it is the one on this machine.
)";

constexpr absl::string_view kTeamNames = R"(
A team's name is its key below `teams`: 1–64 letters, digits, `.`, `_` and `-`, not beginning with
`.` or `-`. `cli` is taken. Whoever works in a local team's `path`, or below it, speaks for that team when
it sends messages; real paths count, the innermost wins, and of teams with one path the first.
)";

constexpr absl::string_view kEnvironment = R"(
## The environment

A team's `claude` is started with

1. what it would have without Iris: on a host what `ssh HOST claude` sees there (startup files of a
   shell that is not interactive, `/etc/environment`), on this machine the environment of the
   `iris tell` or MCP client whose message starts it. What a `claude` around that one left is taken
   out (`CLAUDECODE`, `CLAUDE_CODE_ENTRYPOINT`, `CLAUDE_CODE_SSE_PORT`, `CLAUDE_CODE_SESSION_ID`,
   `CLAUDE_PROJECT_DIR`);
2. over that, the variables that `passEnv` names, as whoever asks has them, if so;
3. over that, `settings.env`, and over that the team's `env`. An empty value takes a variable out.

`PWD` is the team's directory. One that runs keeps what it was started with, until these lines are
edited. `iris status --long` and `team_status` name the variables, and never show a value; no value
is stored or logged. Of an environment of more than 256 KiB or 4,096 variables the largest are left
out (never `PATH`, `HOME`, `USER`, `LOGNAME` and `LANG`), and `IRIS_LEFT_OUT`, status and whoever
waits for the start name them. An agent of an older build that cannot be told of `env` and `passEnv`
is a failure (`version`).
)";

constexpr absl::string_view kRemote = R"(
## The remote command

`remote` is `ssh [OPTIONS] [USER@]HOST`, as it connects from a shell without asking for anything.
It is split into words by the quoting rules of POSIX sh (at most 8 KiB, 128 words) and run without
a shell: unquoted ``$ ` ; | & < > ( )`` and line breaks are refused, `~/` at the start of a word
is the home directory. `~/.ssh/config`, the agent and jump hosts work as always: ssh has the
environment of whoever asks, all of it.
A user's name is what ssh takes for one; one with a backslash or a `$` stands in single quotes:
`ssh 'CORP\jdoe@gpu1'` (in a JSON file `\\` is one backslash).

The first word must be `ssh`, or an entry of `settings.allowedRemoteCommands`. `docker`, `podman`,
`kubectl`, `wsl` and `https://…` are not built yet. Nothing may follow the host: `path` and
`claudePath` say what runs there.

An option given both in `remote` and in `remoteOptions`, with different values, is refused. So are
the options that Iris sets itself or cannot work with, also when written as `-o KEYWORD=…`:

| option | why |
|---|---|
)";

constexpr absl::string_view kSecrets = R"(
## Whose it may be

A configuration names programs that run as you. So it is refused, at the start and whenever it is
read again (then the last one that was good stays in force), where somebody other than you and root owns or may write the file or a directory or
link on the way to it (for one in your home: from there on). A directory with the sticky bit
(`/tmp`) may be anybody's, and the group may write if it is your own alone (umask 002). The refusal
has the `chmod` that mends it.

## Secrets

A private key is refused wherever it stands: name its file in `remoteOptions.identity`. A file
that its group or others may read must not hold a secret: a string under a key that ends in
`token`, `password`, `passphrase`, `secret`, `key` or `credentials`, in any case, unless it is one
`${VAR}`; or an Anthropic API key anywhere.

## Not built yet

These keys are known and refused, each with what to do instead.

| key | for now |
|---|---|
)";

// A '|' would end the cell.
std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

// What stands below `prefix` and not deeper.
std::string KeyTable(absl::string_view title, absl::string_view prefix) {
  std::string table = absl::StrCat("\n## ", title, "\n\n| key | value | default | meaning |\n",
                                   "|---|---|---|---|\n");
  for (const Key& key : Schema()) {
    absl::string_view name = key.path;
    if (!absl::ConsumePrefix(&name, prefix) || absl::StrContains(name, ".")) continue;
    absl::StrAppend(&table, Row({absl::StrCat("`", name, "`"), ValueForm(key),
                                 key.required ? "required" : std::string(key.default_text),
                                 std::string(key.description)}));
  }
  return table;
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

std::string NotBuilt() {
  std::string rows;
  for (const NotBuiltKey& key : NotBuiltKeys()) {
    absl::StrAppend(&rows, Row({absl::StrCat("`", key.path, "`"), std::string(key.fix)}));
  }
  return rows;
}

}  // namespace

std::string ConfigDoc() {
  return absl::StrCat(kIntroduction, KeyTable("`settings`", "settings."),
                      KeyTable("`teams.NAME`", "teams.*."), kTeamNames,
                      KeyTable("`teams.NAME.remoteOptions`", "teams.*.remoteOptions."),
                      kEnvironment, kRemote, RefusedOptions(), kSecrets, NotBuilt());
}

}  // namespace iris
