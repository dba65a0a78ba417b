#include "coordinator/config/expand_way.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/schema.h"
#include "coordinator/reach/read_remote.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

absl::Status Apply(absl::string_view path, const std::string& written, const EnvLookup& env,
                   const KeyTarget& target) {
  if (written.empty()) return absl::OkStatus();
  const Key& key = *FindKey(path);
  absl::StatusOr<KeyValue> value = ReadKeyValue(key, nlohmann::json(written), env);
  const absl::Status applied = value.ok() ? key.apply(*std::move(value), target) : value.status();
  return applied.ok() ? applied : Annotate(applied, absl::StripPrefix(path, "teams.*."));
}

}  // namespace

absl::Status ExpandWay(const EnvLookup& env, absl::string_view home,
                       absl::Span<const std::string> programs, RemoteCommand& remote,
                       RemoteOptions& options) {
  Settings settings;
  Team team;
  team.remote = remote;
  team.remote_options = options;
  team.remote_options.identity = team.remote_options.agent_dir = "";
  const KeyTarget target = {.settings = &settings, .team = &team, .home = home};
  for (const auto& [path, written] :
       {std::pair{"teams.*.remote", &remote.written},
        std::pair{"teams.*.remoteOptions.identity", &options.written_identity},
        std::pair{"teams.*.remoteOptions.agentDir", &options.written_agent_dir}}) {
    if (absl::Status status = Apply(path, *written, env, target); !status.ok()) return status;
  }
  RemoteWay way = {.remote = *std::move(team.remote), .options = std::move(team.remote_options)};
  way.remote.written = remote.written;
  const std::string text = way.remote.text;
  const absl::Status read = ReadRemote(text, programs, home, /*given=*/nullptr, way);
  if (!read.ok()) return Annotate(read, "remote");
  remote = std::move(way.remote);
  options = std::move(way.options);
  return absl::OkStatus();
}

}  // namespace iris
