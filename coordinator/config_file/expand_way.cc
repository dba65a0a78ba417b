#include "coordinator/config_file/expand_way.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "coordinator/config/key.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/schema.h"
#include "coordinator/reach/read_remote.h"
#include "coordinator/reach/remote_kinds.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

absl::Status Store(const Key& key, absl::StatusOr<KeyValue> value, const KeyTarget& target) {
  const absl::Status stored =
      value.ok() ? StoreValue(key, *std::move(value), target) : value.status();
  return stored.ok() ? stored : Annotate(stored, absl::StripPrefix(key.path, "teams.*."));
}

absl::Status StoreWritten(const Key& key, const std::string& written, const EnvLookup& env,
                          const KeyTarget& target) {
  if (written.empty()) return absl::OkStatus();
  return Store(key, ReadKeyValue(key, nlohmann::json(written), env), target);
}

// What the kind of the host has alone. A key that it does not have any more does nothing.
absl::Status StoreOwn(const RemoteOptions& options, absl::Span<const RemoteKind> kinds,
                      const EnvLookup& env, const KeyTarget& target) {
  for (const auto& [name, value] : options.own) {
    const Key* const key = FindKey(absl::StrCat("teams.*.remoteOptions.", name), kinds);
    if (key == nullptr) continue;
    absl::Status stored =
        value.written.empty()
            ? Store(*key, KeyValue{.text = value.text, .number = value.number, .flag = value.flag},
                    target)
            : StoreWritten(*key, value.written, env, target);
    if (!stored.ok()) return stored;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExpandWay(const EnvLookup& env, absl::string_view home,
                       absl::Span<const std::string> programs, RemoteCommand& remote,
                       RemoteOptions& options) {
  Settings settings;
  Team team;
  team.remote = remote;
  team.remote_options = options;
  team.remote_options.agent_dir = "";
  team.remote_options.own.clear();
  const KeyTarget target = {.settings = &settings, .team = &team, .home = home};
  for (const auto& [path, written] :
       {std::pair{"teams.*.remote", &remote.written},
        std::pair{"teams.*.remoteOptions.agentDir", &options.written_agent_dir}}) {
    if (absl::Status status = StoreWritten(*FindKey(path), *written, env, target); !status.ok()) {
      return status;
    }
  }
  const absl::Span<const RemoteKind> kinds = KindsOf(team.remote->text, home, RemoteKinds());
  if (absl::Status status = StoreOwn(options, kinds, env, target); !status.ok()) return status;
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
