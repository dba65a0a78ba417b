#include "coordinator/config/not_built.h"

#include <array>

namespace iris {
namespace {

constexpr absl::string_view kPermissions =
    "Remove it; set permissions in the project's .claude/settings.json.";
constexpr absl::string_view kOneSocket =
    "Remove it; clients reach Iris through `iris mcp`, which needs no port.";

constexpr std::array kKeys = std::to_array<NotBuiltKey>({
    {"dashboard", "Remove it; `iris status` shows what runs."},
    {"database", "Remove it; IRIS_HOME says where Iris keeps everything."},
    {"settings.defaultTransport", kOneSocket},
    {"settings.healthCheckInterval", "Remove it; Iris watches every link by itself."},
    {"settings.hotReloadConfig", "Remove it; a change counts at once."},
    {"settings.httpPort", kOneSocket},
    {"settings.responseTimeout", "Remove it; give each message its `timeout`."},
    {"settings.spawnTimeout", "Remove it; use sessionInitTimeout."},
    {"teams.*.allowHttp", kOneSocket},
    {"teams.*.allowedTools", kPermissions},
    {"teams.*.appendSystemPrompt", "Remove it; write it into the project's CLAUDE.md."},
    {"teams.*.authentication", "Remove it; reach the host with ssh, which logs in by itself."},
    {"teams.*.disallowedTools", kPermissions},
    {"teams.*.enableReverseMcp", "Remove it; a remote team cannot ask other teams yet."},
    {"teams.*.mayAsk", "Remove it; a remote team cannot ask other teams yet."},
    {"teams.*.mcpConfigScript", "Remove it; list MCP servers in the project's .mcp.json."},
    {"teams.*.remoteOptions.compression", "Remove it; add -C to `remote`."},
    {"teams.*.remoteOptions.extraSshArgs", "Remove it; write the arguments into `remote`."},
    {"teams.*.remoteType", "Remove it; reach the host with ssh."},
    {"teams.*.reverseMcpPort", "Remove it; a remote team cannot ask other teams yet."},
});

}  // namespace

absl::Span<const NotBuiltKey> NotBuiltKeys() { return kKeys; }

const NotBuiltKey* FindNotBuiltKey(absl::string_view path) {
  for (const NotBuiltKey& key : kKeys) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

}  // namespace iris
