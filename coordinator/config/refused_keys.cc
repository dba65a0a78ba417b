#include "coordinator/config/refused_keys.h"

#include <array>

namespace iris {
namespace {

constexpr absl::string_view kRemove = "Remove it.";
constexpr absl::string_view kNotBuilt = "not built yet";
constexpr absl::string_view kNoPort =
    "not needed here: clients reach Iris through `iris mcp`, which needs no port";
constexpr absl::string_view kNoMcpFile =
    "not needed here: Iris hears what `claude` asks over its stdin and stdout";
constexpr absl::string_view kMcpServers =
    "Remove it; list a project's own MCP servers in its .mcp.json.";
constexpr absl::string_view kCannotAsk = "not built yet: a remote team cannot ask other teams";
constexpr absl::string_view kPermissions =
    "Remove it; set permissions in the project's .claude/settings.json.";

constexpr std::array kKeys = std::to_array<RefusedKey>({
    {"dashboard", "not needed here: `iris status` shows what runs", kRemove},
    {"database", "not needed here: Iris keeps its data in IRIS_HOME", kRemove},
    {"settings.defaultTransport", kNoPort, kRemove},
    {"settings.healthCheckInterval", "not needed here: Iris watches every link by itself", kRemove},
    {"settings.hotReloadConfig", "not needed here: a change counts at once", kRemove},
    {"settings.httpPort", kNoPort, kRemove},
    {"settings.responseTimeout", "not needed here: each message has a timeout of its own",
     "Remove it; give `iris tell` a --timeout, or the MCP tool a `timeout`."},
    {"settings.sessionMcpEnabled", kNoMcpFile, kMcpServers},
    {"settings.sessionMcpPath", kNoMcpFile, kMcpServers},
    {"settings.spawnTimeout", "not needed here: sessionInitTimeout is the limit for a start",
     kRemove},
    {"settings.wonderLoggerConfig", "not needed here: Iris logs to coordinator.log in IRIS_HOME",
     kRemove},
    {"teams.*.allowHttp", "not needed here: nothing of Iris speaks HTTP", kRemove},
    {"teams.*.allowedTools", kNotBuilt, kPermissions},
    {"teams.*.appendSystemPrompt", kNotBuilt, "Remove it; write it into the project's CLAUDE.md."},
    {"teams.*.authentication", "not needed here: ssh logs in by itself",
     "Remove it; reach the host with ssh."},
    {"teams.*.disallowedTools", kNotBuilt, kPermissions},
    {"teams.*.enableReverseMcp", kCannotAsk, kRemove},
    {"teams.*.mayAsk", kCannotAsk, kRemove},
    {"teams.*.mcpConfigScript", kNotBuilt, kMcpServers},
    {"teams.*.remoteType", "not needed here: every host is reached with ssh", kRemove},
    {"teams.*.reverseMcpPort", kCannotAsk, kRemove},
    {"teams.*.sessionMcpEnabled", kNoMcpFile, kMcpServers},
    {"teams.*.sessionMcpPath", kNoMcpFile, kMcpServers},
    {"teams.*.ssh2", "not needed here: Iris runs the ssh of this machine", kRemove},
});

}  // namespace

absl::Span<const RefusedKey> RefusedKeys() { return kKeys; }

const RefusedKey* FindRefusedKey(absl::string_view path) {
  for (const RefusedKey& key : kKeys) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

}  // namespace iris
