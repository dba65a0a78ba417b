#include "coordinator/cli/own_caller.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/hostname.h"
#include "common/base/nearest.h"
#include "common/base/quoted.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/app/places.h"

namespace iris {
namespace {

constexpr absl::Duration kAnswer = absl::Seconds(10);

std::string Env(absl::string_view name) { return ProcessEnv(name).value_or(""); }

// The path without symbolic links, or as it is where it leads nowhere.
std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), free);
  return real == nullptr ? path : real.get();
}

// With a slash at its end: "/src/app/" holds "/src/app/web/", and not "/src/apple/".
std::string AsFolder(const std::string& path) {
  return absl::StrCat(absl::StripSuffix(RealPath(path), "/"), "/");
}

std::string WithHome(absl::string_view path, absl::string_view home) {
  const bool at_home = path == "~" || absl::StartsWith(path, "~/");
  return at_home ? absl::StrCat(home, path.substr(1)) : std::string(path);
}

absl::StatusOr<v1::ListTeamsResponse> TeamsOf(v1::Coordinator::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
  v1::ListTeamsRequest request;
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  request.set_claude_session_id(OwnClaudeSession());
  v1::ListTeamsResponse teams;
  const absl::Status got = FromGrpcStatus(stub.ListTeams(&context, request, &teams), "");
  if (!got.ok()) return got;
  return teams;
}

}  // namespace

std::string OwnFolder() {
  const std::string project = Env("CLAUDE_PROJECT_DIR");
  if (!project.empty()) return project;
  const std::unique_ptr<char, void (*)(void*)> here(getcwd(nullptr, 0), free);
  return here == nullptr ? "" : here.get();
}

std::string OwnClaudeSession() { return Env("CLAUDE_CODE_SESSION_ID"); }

OwnCaller CallerIn(const std::string& folder, const v1::ListTeamsResponse& teams,
                   absl::string_view home, absl::string_view host) {
  if (!teams.own_team().empty()) return {.caller = Caller::Named(teams.own_team()), .also = {}};
  OwnCaller own;
  size_t longest = 0;
  const std::string here = folder.empty() ? "" : AsFolder(folder);
  for (const v1::TeamInfo& team : teams.teams()) {
    if (!team.remote().empty()) continue;
    const std::string path = AsFolder(WithHome(team.path(), home));
    if (!absl::StartsWith(here, path) || path.size() < longest) continue;
    if (path.size() == longest) {
      own.also.push_back(Caller::Named(team.name()));
      continue;
    }
    longest = path.size();
    own = {.caller = Caller::Named(team.name()), .also = {}};
  }
  if (own.caller.is_nobody()) own.caller = Caller::InFolder(here, host);
  return own;
}

absl::StatusOr<Caller> FindOwnCaller(v1::Coordinator::Stub& stub, const Caller& wanted) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = TeamsOf(stub);
  if (!teams.ok()) return teams.status();
  const std::string folder = OwnFolder();
  OwnCaller own = CallerIn(folder, *teams, Env("HOME"), Hostname());
  if (wanted.is_nobody() || wanted == own.caller) return std::move(own.caller);
  if (std::find(own.also.begin(), own.also.end(), wanted) != own.also.end()) return wanted;
  const std::string who = teams->own_team().empty()
                              ? absl::StrCat("whoever works in ", Quoted(folder))
                              : "the claude that asks";
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat(who, " is ", own.caller.name(), ", and not ", Quoted(wanted.name())),
      "Leave --from out: Iris knows who asks. `--from cli` goes on with the "
      "conversations that the command line had before that.");
}

absl::StatusOr<Caller> CallerOrOwn(v1::Coordinator::Stub& stub, const Caller& named) {
  return named.is_nobody() ? FindOwnCaller(stub, named) : named;
}

absl::StatusOr<OwnCaller> FindBoundCaller(v1::Coordinator::Stub& stub, const std::string& team) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = TeamsOf(stub);
  if (!teams.ok()) return teams.status();
  if (team.empty() || !teams->own_team().empty()) {
    return CallerIn(OwnFolder(), *teams, Env("HOME"), Hostname());
  }
  std::vector<std::string> names;
  for (const v1::TeamInfo& one : teams->teams()) {
    if (one.name() == team) return OwnCaller{.caller = Caller::Named(team), .also = {}};
    names.push_back(one.name());
  }
  const std::string nearest = Nearest(names, team);
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("`iris mcp --team` was started for ", Quoted(team),
                   ", and the configuration has no such team"),
      absl::StrCat(nearest.empty() ? "" : absl::StrCat("Did you mean ", nearest, "? "),
                   "Correct --team where the MCP server is registered (`claude mcp get iris` shows "
                   "it), or leave it out: Iris knows by the folder who asks."));
}

}  // namespace iris
