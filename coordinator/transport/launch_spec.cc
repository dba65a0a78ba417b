#include "coordinator/transport/launch_spec.h"

#include "absl/time/time.h"

namespace iris {

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
  // Its own connection's, and never what another team's lends. Here the agent has the user's.
  if (team.remote.has_value()) (*spec.mutable_env())["SSH_AUTH_SOCK"] = hello.ssh_auth_sock();
  return spec;
}

void NameLink(const std::string& identity, const v1::Hello& hello, v1::LaunchSpec& spec) {
  const auto lent = spec.env().find("SSH_AUTH_SOCK");
  if (lent == spec.env().end() || lent->second.empty()) return;
  if (lent->second == hello.ssh_auth_sock()) spec.set_link(identity);
}

}  // namespace iris
