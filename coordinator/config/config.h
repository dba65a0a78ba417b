#ifndef IRIS_COORDINATOR_CONFIG_CONFIG_H_
#define IRIS_COORDINATOR_CONFIG_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"

namespace iris {

// The configuration as the rest of the coordinator sees it: every value checked, variables
// expanded, defaults filled in. Made by LoadConfig(); docs/CONFIG.md describes the keys and their
// ranges.

// A team's `remote`, taken apart by its kind (coordinator/reach): a program, its options and where
// it goes. Run it as {program, our options, options…, destination, our command}, never through a
// shell.
struct RemoteCommand {
  std::string text;     // As configured, variables expanded: for people.
  std::string program;  // "ssh", or one of settings.allowedRemoteCommands, which takes the same.
  std::vector<std::string> options;  // Words between program and destination, in the given order.
  std::string destination;           // [user@]host or ssh://…; never starts with '-'.
  std::string written = {};  // As it stands in the file: what ${VAR} stands for may be a secret.

  friend bool operator==(const RemoteCommand&, const RemoteCommand&) = default;
};

// What a team says to one kind of host alone, by one key of that kind's (RemoteReader::keys()).
struct OptionValue {
  std::string text;
  std::string written = {};  // The text as it stands in the file.
  int64_t number = 0;        // Milliseconds of a time.
  bool flag = false;
  bool names_host = false;  // As Key::names_host.

  friend bool operator==(const OptionValue&, const OptionValue&) = default;
};

// What remoteOptions say. A value that is given inside `remote` is taken over here by the kind of
// the host where the key has a default, so that this says what is in force. What both give alike is
// in both; a difference was refused.
struct RemoteOptions {
  std::string agent_dir;  // On the host: absolute or ~/…; empty = the agent's usual places.
  absl::Duration connect_timeout = absl::Seconds(10);
  std::string written_agent_dir = {};  // As it stands in the file.
  // By the key ("port"); one that is not here was not given.
  std::map<std::string, OptionValue, std::less<>> own = {};

  // Null: it was not given.
  const OptionValue* Own(absl::string_view key) const;

  friend bool operator==(const RemoteOptions&, const RemoteOptions&) = default;
};

// The way to a host, as a team has it.
struct RemoteWay {
  RemoteCommand remote;
  RemoteOptions options;

  friend bool operator==(const RemoteWay&, const RemoteWay&) = default;
};

// A variable that a team's claude is started with.
struct EnvSetting {
  std::string name;
  std::string written;  // As it stands in the file.
  std::string value;    // With its variables; empty = claude has no such variable. Maybe a secret.

  // What a ${VAR} in it stands for is another thing for every front end, and makes no other team.
  friend bool operator==(const EnvSetting& one, const EnvSetting& other) {
    return one.name == other.name && one.written == other.written;
  }
};

// Of the front end whose message makes use of a team. That is another one with every message, and
// makes no other team either.
struct Asker {
  SharedEnvironment environment;  // Null = none: the coordinator's own counts.

  friend bool operator==(const Asker&, const Asker&) { return true; }
};

struct Team {
  std::string name;  // 1–64 of [A-Za-z0-9._-].
  std::string path;  // Where `claude` works, on the team's host: absolute or ~/….
  std::string description;
  std::string color;        // "#rrggbb", or empty.
  std::string claude_path;  // On the team's host: absolute or ~/…; empty = the agent looks for it.
  std::string written_path = {};  // As it stands in the file.
  std::string written_claude_path = {};
  absl::optional<RemoteCommand> remote;  // Unset = this machine.
  RemoteOptions remote_options;          // Defaults when `remote` is unset.
  absl::Duration idle_timeout;           // In force: the team's, else the settings'.
  absl::Duration session_init_timeout;   // Likewise.
  bool skip_permissions = false;
  bool ask_permissions = false;       // What claude asks waits for an answer; else it is denied.
  std::vector<EnvSetting> env;        // In force: the team's over the settings'. Sorted by name.
  std::vector<std::string> pass_env;  // In force: the names of both. Sorted, each once.
  Asker asker;                        // Not of the configuration: whoever uses the team sets it.

  friend bool operator==(const Team&, const Team&) = default;
};

struct Settings {
  absl::Duration idle_timeout = absl::Hours(1);
  absl::Duration session_init_timeout = absl::Seconds(30);
  int max_processes = 10;
  std::string
      agent_bundle;  // A directory on this machine, absolute; empty = what came with `iris`.
  std::vector<std::string> allowed_remote_commands;
  std::vector<EnvSetting> env;
  std::vector<std::string> pass_env;
};

struct Config {
  std::string file;  // Where it was read from.
  Settings settings;
  std::vector<Team> teams;  // Sorted by name, at most 1000.

  // nullptr: no such team. Valid as long as `teams` is not changed.
  const Team* FindTeam(absl::string_view name) const;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_CONFIG_H_
