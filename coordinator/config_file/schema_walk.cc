#include "coordinator/config_file/schema_walk.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"
#include "coordinator/config/key.h"
#include "coordinator/config/key_value.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/refused_keys.h"
#include "coordinator/config/schema.h"
#include "coordinator/config/unset_variable.h"
#include "coordinator/config_file/suggest.h"
#include "coordinator/config_file/walk_errors.h"
#include "coordinator/reach/read_remote.h"
#include "coordinator/reach/remote_kinds.h"

namespace iris {
namespace {

using nlohmann::json;

constexpr absl::string_view kTeams = "teams";
constexpr absl::string_view kTeam = "teams.*";
constexpr absl::string_view kRemoteOptions = "remoteOptions";
constexpr absl::string_view kOptions = "teams.*.remoteOptions";
constexpr absl::string_view kPrograms = "settings.allowedRemoteCommands";
constexpr absl::string_view kSmallest =
    "Write a team at least: {\"teams\": {\"NAME\": {\"path\": \"/its/directory\"}}}.";

absl::Status CheckTeamName(absl::string_view name) {
  const bool good = !name.empty() && name.size() <= 64 && name[0] != '-' && name[0] != '.' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
                    });
  if (!good) {
    return Refuse(
        "is not a team's name",
        "Use 1–64 letters (a-z), digits, '.', '_' and '-', not beginning with '.' or '-'.");
  }
  if (Caller::Named(name).kind() == Caller::Kind::kCommandLine) {
    return Refuse("this name is taken: it stands for the conversations of `iris tell --from cli`",
                  "Choose another name.");
  }
  return absl::OkStatus();
}

// The settings' variables but for those that the team sets, and the team's.
std::vector<EnvSetting> With(const std::vector<EnvSetting>& settings,
                             std::vector<EnvSetting> team) {
  const size_t own = team.size();
  for (const EnvSetting& setting : settings) {
    const bool is_set = std::any_of(team.begin(), team.begin() + own, [&](const EnvSetting& one) {
      return one.name == setting.name;
    });
    if (!is_set) team.push_back(setting);
  }
  std::sort(team.begin(), team.end(),
            [](const EnvSetting& one, const EnvSetting& other) { return one.name < other.name; });
  return team;
}

std::vector<std::string> With(const std::vector<std::string>& settings,
                              std::vector<std::string> team) {
  team.insert(team.end(), settings.begin(), settings.end());
  std::sort(team.begin(), team.end());
  team.erase(std::unique(team.begin(), team.end()), team.end());
  return team;
}

struct TeamDraft {
  Team team;
  absl::flat_hash_set<std::string> given;  // Its keys, "path" and "remoteOptions.port" alike.
  bool broken = false;                     // Some value of it was refused.
};

class SchemaWalk {
 public:
  SchemaWalk(const ConfigText& text, const ConfigSource& source, absl::Span<const RemoteKind> kinds)
      : text_(text), source_(source), kinds_(kinds), kinds_here_(kinds) {}

  absl::StatusOr<Config> Run() {
    config_.file = source_.path;
    WalkObject(text_.root, "", "");
    // The object's keys came in order, so the teams are sorted.
    for (TeamDraft& draft : drafts_) {
      FinishTeam(KeyPath(kTeams, draft.team.name), &draft);
      config_.teams.push_back(std::move(draft.team));
    }
    if (errors_.count() > 0) return std::move(errors_).Together();
    return std::move(config_);
  }

 private:
  void Check(absl::string_view path, const absl::Status& status) {
    if (status.ok()) return;
    const bool unset = IsUnsetVariable(status);
    if (errors_.full()) return errors_.Add(0, status, unset);
    const auto line = text_.lines.find(path);
    errors_.Add(line == text_.lines.end() ? 0 : line->second,
                Annotate(status, PlaceOf(source_, text_, path)), unset);
  }

  // `path` says where `object` stands in the file, `pattern` where in the schema. The recursion is
  // as deep as the schema.
  void WalkObject(const json& object, const std::string& path, absl::string_view pattern) {
    if (object.is_null()) {
      // "teams:" with nothing below it, as YAML has it, is an object without keys.
      if (pattern.empty()) Check(path, Refuse("holds nothing", kSmallest));
      return;
    }
    if (!object.is_object()) {
      return Check(path, Refuse(absl::StrCat("has the wrong type (", object.type_name(), ")"),
                                "Write an object: {…}."));
    }
    if (pattern == kTeams && object.size() > kTeamsMax) {
      return Check(path, Refuse(absl::StrCat("more than ", kTeamsMax, " teams"), "Remove some."));
    }
    for (const auto& [name, value] : object.items()) {
      const std::string child = KeyPath(path, name);
      pattern == kTeams ? WalkTeam(name, value, child) : WalkKey(name, value, child, pattern);
    }
  }

  void WalkTeam(const std::string& name, const json& value, const std::string& path) {
    if (absl::Status status = CheckTeamName(name); !status.ok()) return Check(path, status);
    if (!value.is_object() && !value.is_null()) {
      return WalkObject(value, path, kTeam);  // It says so.
    }
    const size_t errors_before = errors_.count();
    drafts_.emplace_back().team.name = name;
    WalkObject(value, path, kTeam);
    drafts_.back().broken = errors_.count() > errors_before;
  }

  void WalkKey(const std::string& name, const json& value, const std::string& path,
               absl::string_view parent) {
    const std::string pattern = KeyPath(parent, name);
    // A dot inside a name would read as the path of another key.
    const bool plain = name.find('.') == std::string::npos;
    if (const RefusedKey* key = plain ? FindRefused(pattern) : nullptr; key != nullptr) {
      return Check(path, Refuse(key->why, key->fix));
    }
    if (const Key* key = plain ? Find(pattern) : nullptr; key != nullptr) {
      if (key->type == KeyType::kVariables) return ApplyVariables(*key, value, path);
      const absl::Status applied = ApplyKey(*key, value);
      programs_are_known_ &= applied.ok() || pattern != kPrograms;
      return Check(path, applied);
    }
    if (plain && HasKeysBelow(pattern)) {
      NoteGiven(pattern);
      if (pattern == kOptions) kinds_here_ = KindsOfHost();
      WalkObject(value, path, pattern);
      kinds_here_ = kinds_;
      return;
    }
    const bool is_of_another = plain && FindKey(pattern, kinds_) != nullptr;
    Check(path, Refuse(is_of_another ? absl::StrCat("is not for a host that is reached by ",
                                                    kinds_here_.front().name)
                                     : "unknown key",
                       FixForUnknownKey(parent, name, value, kinds_here_)));
  }

  const Key* Find(absl::string_view pattern) const {
    const Key* const key = FindKey(pattern);
    return key != nullptr ? key : FindKey(pattern, kinds_here_);
  }

  const RefusedKey* FindRefused(absl::string_view pattern) const {
    const RefusedKey* const key = FindRefusedKey(pattern);
    return key != nullptr ? key : FindRefusedKey(pattern, kinds_here_);
  }

  // `remote` comes before remoteOptions. Where it says nothing, or what cannot be read, its options
  // may be of any kind.
  absl::Span<const RemoteKind> KindsOfHost() const {
    const absl::optional<RemoteCommand>& remote = drafts_.back().team.remote;
    return remote.has_value() ? KindsOf(remote->text, source_.home, kinds_) : kinds_;
  }

  absl::Status ApplyKey(const Key& key, const json& value) {
    NoteGiven(key.path);  // A key with a bad value is not missing.
    absl::StatusOr<KeyValue> read = ReadKeyValue(key, value, source_.env);
    if (!read.ok()) return read.status();
    return Apply(key, *std::move(read));
  }

  // Each variable has a line of its own: all that are wrong are named.
  void ApplyVariables(const Key& key, const json& value, const std::string& path) {
    NoteGiven(key.path);
    if (value.is_null()) return;  // Without variables, as WalkObject() has it.
    if (!value.is_object()) {
      return Check(path, Refuse(absl::StrCat("has the wrong type (", value.type_name(), ")"),
                                absl::StrCat("Write ", ValueForm(key), ".")));
    }
    if (static_cast<int64_t>(value.size()) > key.max) {
      return Check(path,
                   Refuse(absl::StrCat("has more than ", key.max, " variables"), "Remove some."));
    }
    KeyValue read;
    for (const auto& [name, text] : value.items()) {
      absl::StatusOr<EnvSetting> variable = ReadVariable(name, text, source_.env);
      if (variable.ok()) {
        read.variables.push_back(*std::move(variable));
      } else {
        Check(KeyPath(path, name), variable.status());
      }
    }
    Check(path, Apply(key, std::move(read)));
  }

  absl::Status Apply(const Key& key, KeyValue value) {
    return StoreValue(key, std::move(value),
                      {.settings = &config_.settings,
                       .team = drafts_.empty() ? nullptr : &drafts_.back().team,
                       .home = source_.home});
  }

  void NoteGiven(absl::string_view pattern) {
    if (absl::ConsumePrefix(&pattern, absl::StrCat(kTeam, "."))) {
      drafts_.back().given.emplace(pattern);
    }
  }

  void FinishTeam(const std::string& path, TeamDraft* draft) {
    for (const Key& key : Schema()) {
      absl::string_view name = key.path;
      if (!key.required || !absl::ConsumePrefix(&name, absl::StrCat(kTeam, "."))) continue;
      if (!draft->given.contains(std::string(name))) {
        Check(path, Refuse(absl::StrCat("has no ", name),
                           absl::StrCat("Add \"", name, "\", ", ValueForm(key), ".")));
      }
    }
    Team& team = draft->team;
    if (!draft->given.contains("idleTimeout")) team.idle_timeout = config_.settings.idle_timeout;
    if (!draft->given.contains("sessionInitTimeout")) {
      team.session_init_timeout = config_.settings.session_init_timeout;
    }
    team.env = With(config_.settings.env, std::move(team.env));
    team.pass_env = With(config_.settings.pass_env, std::move(team.pass_env));
    // Where the programs that may be run are not known, nothing can be said of one.
    if (team.remote.has_value() && programs_are_known_) {
      Check(KeyPath(path, "remote"), FinishRemote(draft));
    }
    if (!draft->given.contains("remote") && draft->given.contains(std::string(kRemoteOptions))) {
      Check(KeyPath(path, kRemoteOptions),
            Refuse("the team has no `remote`, so nothing would come of it",
                   "Add `remote`, or remove remoteOptions."));
    }
  }

  absl::Status FinishRemote(TeamDraft* draft) {
    Team& team = draft->team;
    absl::flat_hash_set<std::string> given;
    for (absl::string_view name : draft->given) {
      if (absl::ConsumePrefix(&name, absl::StrCat(kRemoteOptions, "."))) given.emplace(name);
    }
    RemoteWay way = {.remote = *team.remote, .options = team.remote_options};
    // Of a draft that is broken nobody knows what its options say.
    absl::Status read = ReadRemote(team.remote->text, config_.settings.allowed_remote_commands,
                                   source_.home, draft->broken ? nullptr : &given, way, kinds_);
    team.remote = std::move(way.remote);
    team.remote_options = std::move(way.options);
    return read;
  }

  const ConfigText& text_;
  const ConfigSource& source_;
  const absl::Span<const RemoteKind> kinds_;
  absl::Span<const RemoteKind> kinds_here_;  // In remoteOptions those that the host may be of.
  Config config_;
  std::vector<TeamDraft> drafts_;
  WalkErrors errors_;
  bool programs_are_known_ = true;  // kPrograms was read, or not given.
};

}  // namespace

std::string PlaceOf(const ConfigSource& source, const ConfigText& text,
                    absl::string_view key_path) {
  std::string place = source.path;
  const auto line = text.lines.find(key_path);
  if (line != text.lines.end()) absl::StrAppend(&place, ":", line->second);
  if (!key_path.empty()) absl::StrAppend(&place, ": ", key_path);
  return place;
}

absl::StatusOr<Config> WalkSchema(const ConfigText& text, const ConfigSource& source,
                                  absl::Span<const RemoteKind> kinds) {
  return SchemaWalk(text, source, kinds).Run();
}

}  // namespace iris
