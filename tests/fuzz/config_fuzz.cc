// Configurations in JSON and YAML: one that loads holds what the rest of the coordinator relies on,
// and says the same when it is written as JSON.

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "common/failure/failure.h"
#include "coordinator/config_file/json_text.h"
#include "coordinator/config_file/load_config.h"
#include "coordinator/config_file/yaml_text.h"
#include "coordinator/reach/ssh/ssh_keys.h"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

ConfigSource Source(bool yaml) {
  return {.path = yaml ? "/c.yaml" : "/c.json",
          .env = [](absl::string_view name) -> absl::optional<std::string> {
            if (name == "USER") return std::string("ml");
            if (name == "QUOTE") return std::string("\", \"color\": \"#000000");
            return absl::nullopt;
          },
          .home = "/home/me"};
}

void RequireRefusal(const absl::Status& status, absl::string_view file) {
  Require(KindOf(status) == v1::FAILURE_BAD_REQUEST, "a refusal is bad_request");
  Require(!ToProto(status).fix().empty(), "a refusal has a fix");
  Require(absl::StartsWith(status.message(), file), "a refusal names the file");
}

bool IsPath(absl::string_view path) {
  return absl::StartsWith(path, "/") || absl::StartsWith(path, "~/");
}

void RequireGood(const Config& config) {
  Require(std::is_sorted(config.teams.begin(), config.teams.end(),
                         [](const Team& a, const Team& b) { return a.name < b.name; }),
          "teams are sorted");
  Require(config.settings.max_processes > 0, "maxProcesses is positive");
  for (const Team& team : config.teams) {
    Require(config.FindTeam(team.name) == &team, "a team is found by its name, which is unique");
    Require(team.name.size() <= 64, "a name is bounded");
    Require(IsPath(team.path), "path is absolute or ~/");
    Require(team.claude_path.empty() || IsPath(team.claude_path), "so is claudePath");
    Require(team.color.empty() || (team.color.size() == 7 && team.color[0] == '#'), "a color");
    Require(team.idle_timeout > absl::ZeroDuration(), "idleTimeout is positive");
    Require(team.session_init_timeout > absl::ZeroDuration(), "sessionInitTimeout is positive");
    const SshOptions options = SshOptionsOf(team.remote_options);
    Require(options.port >= 0 && options.port <= 65535, "a port is one");
    Require(options.connect_timeout > absl::ZeroDuration(), "connectTimeout is positive");
    Require(options.identity.empty() || options.identity[0] == '/', "identity is absolute");
    Require(options.agent_dir.empty() || IsPath(options.agent_dir), "agentDir is a path");
    if (!team.remote.has_value()) continue;
    Require(!team.remote->destination.empty() && team.remote->destination[0] != '-',
            "a destination is never taken for an option");
  }
}

bool Alike(const Settings& a, const Settings& b) {
  return a.idle_timeout == b.idle_timeout && a.session_init_timeout == b.session_init_timeout &&
         a.max_processes == b.max_processes && a.agent_bundle == b.agent_bundle &&
         a.allowed_remote_commands == b.allowed_remote_commands;
}

void Check(absl::string_view text, bool yaml, bool readable_by_others) {
  const ConfigSource source = Source(yaml);
  const absl::StatusOr<Config> config = ParseConfig(text, source, readable_by_others);
  if (config.ok()) {
    RequireGood(*config);
  } else {
    RequireRefusal(config.status(), source.path);
  }
  const absl::StatusOr<ConfigText> parsed =
      yaml ? ParseYamlText(text, source.path) : ParseJsonText(text, source.path);
  if (!parsed.ok()) return Require(!config.ok(), "what is no YAML or JSON does not load");
  const std::string as_json = parsed->root.dump();
  const absl::StatusOr<ConfigText> again = ParseJsonText(as_json, "/c.json");
  Require(again.ok() && again->root == parsed->root, "the same document as JSON");
  const absl::StatusOr<Config> same = ParseConfig(as_json, Source(false), readable_by_others);
  Require(same.ok() == config.ok(), "as JSON it loads, or does not, all the same");
  if (!same.ok()) return;
  Require(same->teams == config->teams && Alike(same->settings, config->settings),
          "the same configuration as JSON");
}

}  // namespace
}  // namespace iris

// The first byte says what the text is taken for.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  iris::Check(text, (data[0] & 1) != 0, (data[0] & 2) != 0);
  return 0;
}
