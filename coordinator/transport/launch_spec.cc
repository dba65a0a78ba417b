#include "coordinator/transport/launch_spec.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/utf8.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

// An older one keeps all of a launch spec in a file, also what it does not know.
constexpr uint32_t kBuildThatKeepsItInMemory = 6;

bool Sets(const Team& team, absl::string_view name) {
  return std::any_of(team.env.begin(), team.env.end(),
                     [name](const EnvSetting& setting) { return setting.name == name; });
}

// What the team's claude would have if the configuration said nothing. Here it is never left to the
// agent: that would keep what an earlier asker had.
absl::optional<Environment> BaseFor(const Team& team, const v1::Hello& hello) {
  if (!team.remote.has_value()) {
    return team.asker.environment != nullptr ? *team.asker.environment : OwnEnvironment();
  }
  if (hello.has_environment()) return EnvironmentFromProto(hello.environment());
  if (team.env.empty() && team.pass_env.empty()) return absl::nullopt;
  return Environment{{"PATH", hello.path()}};
}

absl::optional<Environment> EnvironmentFor(const Team& team, const v1::Hello& hello) {
  absl::optional<Environment> env = BaseFor(team, hello);
  if (!env.has_value()) return env;
  const Environment asker = team.asker.environment != nullptr ? *team.asker.environment
                            : team.pass_env.empty()           ? Environment()
                                                              : OwnEnvironment();
  for (const std::string& name : team.pass_env) {
    const auto found = asker.find(name);
    if (found != asker.end()) (*env)[name] = found->second;
  }
  for (const EnvSetting& setting : team.env) {
    if (setting.value.empty()) {
      env->erase(setting.name);
    } else {
      (*env)[setting.name] = setting.value;
    }
  }
  return env;
}

}  // namespace

v1::LaunchSpec LaunchSpecFor(const Team& team, absl::string_view from, const v1::Hello& hello) {
  v1::LaunchSpec spec;
  spec.set_cwd(team.path);
  spec.set_claude_path(team.claude_path);
  spec.set_init_timeout_ms(absl::ToInt64Milliseconds(team.session_init_timeout));
  spec.set_idle_timeout_ms(absl::ToInt64Milliseconds(team.idle_timeout));
  spec.set_skip_permissions(team.skip_permissions);
  spec.set_ask_permissions(team.ask_permissions);
  spec.set_team(team.name);
  spec.set_from(from.data(), from.size());
  // Its own connection's, and never what another team's lends. Here it is the asker's.
  if (team.remote.has_value() && !Sets(team, "SSH_AUTH_SOCK")) {
    (*spec.mutable_env())["SSH_AUTH_SOCK"] = hello.ssh_auth_sock();
  }
  if (hello.build_number() < kBuildThatKeepsItInMemory) return spec;
  if (const absl::optional<Environment> env = EnvironmentFor(team, hello); env.has_value()) {
    *spec.mutable_environment() = EnvironmentToProto(*env);
  }
  return spec;
}

absl::Status CheckAgentTakes(const Team& team, const v1::Hello& hello) {
  const bool says_nothing = team.env.empty() && team.pass_env.empty();
  if (says_nothing || hello.build_number() >= kBuildThatKeepsItInMemory) return absl::OkStatus();
  return MakeFailure(
      v1::FAILURE_VERSION,
      absl::StrCat("team ", team.name, " has `env` or passEnv, of which its agent on ",
                   hello.hostname(), ", of build ", hello.build_number(), ", cannot be told"),
      "End that agent once its messages are answered (`iris stop --agents`): the next message puts "
      "this build in its place. Or take `env` and passEnv out.");
}

EnvironmentNames NamesIn(const v1::LaunchSpec& spec, const Team& team) {
  if (!spec.has_environment()) return {.from = "agent"};
  EnvironmentNames given;
  given.id = spec.environment_id();
  for (const std::string& entry : spec.environment().entries()) {
    given.names.push_back(entry.substr(0, entry.find('=')));
  }
  for (const std::string& name : LeftOutOf(EnvironmentFromProto(spec.environment()))) {
    given.lacks.push_back(ToUtf8(name));
  }
  given.from = team.remote.has_value()             ? "host"
               : team.asker.environment != nullptr ? "front end"
                                                   : "coordinator";
  return given;
}

std::string StartText(const EnvironmentNames& environment) {
  if (environment.lacks.empty()) return "starting claude";
  return absl::StrCat("starting claude; its environment is too large and lacks ",
                      absl::StrJoin(environment.lacks, ", "));
}

void NameLink(const std::string& identity, const v1::Hello& hello, v1::LaunchSpec& spec) {
  const auto lent = spec.env().find("SSH_AUTH_SOCK");
  if (lent == spec.env().end() || lent->second.empty()) return;
  if (lent->second == hello.ssh_auth_sock()) spec.set_link(identity);
}

}  // namespace iris
