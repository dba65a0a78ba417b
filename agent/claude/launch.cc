#include "agent/claude/launch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/claude/auth_links.h"
#include "agent/claude/closed_folder.h"
#include "agent/claude/find_program.h"
#include "agent/process/strays.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

using Env = Environment;

// What a coordinator makes of a host's environment, its asker's and its own configuration.
constexpr size_t kEnvironmentBytesInAll = 3 * kEnvironmentBytesMax;
constexpr size_t kEnvironmentEntriesInAll = 2 * kEnvironmentEntriesMax;

std::string ExpandHome(const std::string& path, const std::string& home) {
  if (path == "~") return home;
  return absl::StartsWith(path, "~/") ? absl::StrCat(home, path.substr(1)) : path;
}

std::string Get(const Env& env, const std::string& name) {
  const auto found = env.find(name);
  return found == env.end() ? "" : found->second;
}

bool IsScrubbed(absl::string_view name) {
  return absl::StartsWith(name, "CLAUDE") || absl::StartsWith(name, "ANTHROPIC");
}

// What the agent itself has, for who does not say what a child is to have.
Env AgentsOwn(const v1::LaunchSpec& spec, const SessionContext& context) {
  Env env;
  for (const std::string& variable : context.child_env) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(variable, absl::MaxSplits('=', 1));
    const bool passed = std::count(spec.pass_env().begin(), spec.pass_env().end(), parts.first) > 0;
    if (!IsScrubbed(parts.first) || passed) env.insert(parts);
  }
  // What was said to an earlier agent, as far as that is known.
  for (const std::string& entry : spec.kept()) {
    env.erase(entry.substr(0, entry.find('=')));
    AddEntry(entry, env);
  }
  return env;
}

Env ChildEnv(const v1::LaunchSpec& spec, const SessionContext& context) {
  Env env =
      spec.has_environment() ? EnvironmentFromProto(spec.environment()) : AgentsOwn(spec, context);
  for (const auto& [name, value] : spec.env()) {
    if (value.empty()) {
      env.erase(name);
    } else {
      env[name] = value;
    }
  }
  env.emplace("HOME", context.home);  // claude keeps its sessions there.
  return env;
}

void AddToPath(const std::string& directory, Env& env) {
  if (directory.empty()) return;
  const std::string path = Get(env, "PATH");
  env["PATH"] = absl::StrCat(path, path.empty() ? "" : ":", directory);
}

std::string AccountOf(const SessionContext& context) {
  return context.user.empty() ? "the account" : context.user;
}

// `search` has found out `what`.
absl::Status NotExecutable(const v1::LaunchSpec& spec, absl::string_view what,
                           const ProgramSearch& search) {
  return MakeFailure(v1::FAILURE_NOT_EXECUTABLE, absl::StrCat("team ", spec.team(), ": ", what),
                     search.lacks_rights() ? kFixClaudeAccess : kFixClaudeProgram);
}

absl::Status NoClaude(const v1::LaunchSpec& spec, const SessionContext& context,
                      const ProgramSearch& search) {
  const std::string looked = absl::StrCat("; looked in ", absl::StrJoin(search.places(), ", "));
  if (!search.unfit().empty()) {
    return NotExecutable(
        spec,
        absl::StrCat("no `claude` on ", context.hostname, " can be run by ", AccountOf(context),
                     ": ", absl::StrJoin(search.unfit(), "; "), looked),
        search);
  }
  const std::string closed = search.closed().empty()
                                 ? ""
                                 : absl::StrCat("; ", AccountOf(context), " may not enter ",
                                                absl::StrJoin(search.closed(), ", "));
  return MakeFailure(v1::FAILURE_CLAUDE_MISSING,
                     absl::StrCat("team ", spec.team(), ": no `claude` on ", context.hostname,
                                  " for ", AccountOf(context), looked, closed));
}

absl::StatusOr<std::string> CheckClaudePath(const v1::LaunchSpec& spec,
                                            const SessionContext& context, ProgramSearch& search) {
  const std::string path = ExpandHome(spec.claude_path(), context.home);
  const std::string what = absl::StrCat("claudePath ", path, " on ", context.hostname);
  const std::string why = search.WhyUnfit(path);
  if (!why.empty()) return NotExecutable(spec, absl::StrCat(what, " ", why), search);
  if (IsThere(path)) return path;
  return MakeFailure(v1::FAILURE_CLAUDE_MISSING,
                     absl::StrCat("team ", spec.team(), ": ", what, " is not there"),
                     kFixClaudePath);
}

// As context.is_on_network, which follows the links of a path each time, but once for each path.
ProgramSearch::IsOnNetwork AskedOnce(const SessionContext& context) {
  if (context.is_on_network == nullptr) return nullptr;
  const auto known = std::make_shared<std::map<std::string, bool>>();
  return [&context, known](const std::string& path) {
    const auto found = known->find(path);
    if (found != known->end()) return found->second;
    return known->emplace(path, context.is_on_network(path)).first->second;
  };
}

// The program, and in `env` a PATH on which it is, and what it and its hooks are started with.
absl::StatusOr<std::string> FindClaude(const v1::LaunchSpec& spec, const SessionContext& context,
                                       Env& env) {
  const ProgramSearch::IsOnNetwork is_on_network = AskedOnce(context);
  ProgramSearch search(env, context.home, context.program_dirs, is_on_network);
  ProgramSearch::Found claude;
  if (!spec.claude_path().empty()) {
    absl::StatusOr<std::string> path = CheckClaudePath(spec, context, search);
    if (!path.ok()) return path;
    claude.path = *std::move(path);
  } else {
    claude = search.Find("claude");
  }
  if (claude.path.empty()) return NoClaude(spec, context, search);
  AddToPath(claude.directory, env);
  // A shim of asdf's runs asdf; claude may be a script of node's, and hooks are.
  std::vector<std::string> needed = {"node"};
  if (absl::EndsWith(claude.directory, "/shims")) needed.emplace_back("asdf");
  // Most claudes are no scripts, and most hosts have no node.
  const auto reach =
      IsScript(claude.path) ? ProgramSearch::Reach::kEverywhere : ProgramSearch::Reach::kNear;
  for (const std::string& name : needed) {
    ProgramSearch next(env, context.home, context.program_dirs, is_on_network);
    AddToPath(next.Find(name, reach).directory, env);
  }
  return claude.path;
}

absl::Status CheckDirectory(const std::string& path, const v1::LaunchSpec& spec,
                            const SessionContext& context) {
  const auto refuse = [&](absl::string_view what, absl::string_view fix) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("team ", spec.team(), ": ", what),
                       fix);
  };
  const std::string its = absl::StrCat("its directory ", path, " on ", context.hostname, " ");
  struct stat info;
  const bool known = stat(path.c_str(), &info) == 0;
  if (known && !S_ISDIR(info.st_mode)) {
    return refuse(its + "is a file, not a directory", kFixNotDirectory);
  }
  if (known && access(path.c_str(), X_OK) == 0) return absl::OkStatus();
  const int error = errno;
  if (const std::string closed = ClosedFolder(path); error == EACCES && !closed.empty()) {
    return refuse(
        absl::StrCat(AccountOf(context), " may not enter ", closed, " on ", context.hostname,
                     closed == path ? "" : ", which leads to the team's directory ",
                     closed == path ? "" : path),
        kFixDirectoryAccess);
  }
  switch (error) {
    case ENOENT:
      return refuse(its + (IsThere(path) ? "is a link that leads nowhere" : "does not exist"),
                    kFixDirectory);
    case ENOTDIR:
      return refuse(its + "is below a file, where no directory can be", kFixNotDirectory);
    default:
      return refuse(absl::StrCat(its, "cannot be used: ", strerror(error)), kFixDirectory);
  }
}

// What it adds to the child's environment, whichever connection it comes by.
Env LastingEnv(const v1::LaunchSpec& spec) {
  Env env;
  for (const auto& [name, value] : spec.env()) env[name] = value;
  env.erase("SSH_AUTH_SOCK");
  return env;
}

bool Asks(const v1::LaunchSpec& spec) {
  return spec.ask_permissions() && !spec.skip_permissions();  // As PlanLaunch() has it.
}

// As a shell would have it, which takes no other: without slashes at the end.
std::string PwdOf(const std::string& cwd) {
  const size_t last = cwd.find_last_not_of('/');
  return last == std::string::npos ? "/" : cwd.substr(0, last + 1);
}

absl::string_view SessionFlag(const LaunchPlan& plan) {
  return plan.resumes ? "--resume" : "--session-id";
}

void SetResumes(bool resumes, LaunchPlan& plan) {
  // Ours is the first of them.
  const auto flag = std::find(plan.child.args.begin(), plan.child.args.end(), SessionFlag(plan));
  plan.resumes = resumes;
  if (flag != plan.child.args.end()) *flag = std::string(SessionFlag(plan));
}

}  // namespace

absl::Status CheckEnvironment(const v1::LaunchSpec& spec, const SessionContext& context) {
  size_t bytes = 0;
  const auto entries = static_cast<size_t>(spec.environment().entries_size());
  for (const std::string& entry : spec.environment().entries()) bytes += entry.size() + 1;
  if (entries <= kEnvironmentEntriesInAll && bytes <= kEnvironmentBytesInAll) {
    return absl::OkStatus();
  }
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("team ", spec.team(), ": the environment of its claude on ",
                                  context.hostname, " would be ", entries, " variables of ",
                                  bytes >> 10, " KiB together; ", kEnvironmentEntriesInAll, " of ",
                                  kEnvironmentBytesInAll >> 10, " KiB are the most"),
                     kFixEnvironment);
}

bool LaunchesAlike(const v1::LaunchSpec& one, const v1::LaunchSpec& other) {
  return one.cwd() == other.cwd() && one.claude_path() == other.claude_path() &&
         one.skip_permissions() == other.skip_permissions() && Asks(one) == Asks(other) &&
         std::equal(one.args().begin(), one.args().end(), other.args().begin(),
                    other.args().end()) &&
         std::equal(one.pass_env().begin(), one.pass_env().end(), other.pass_env().begin(),
                    other.pass_env().end()) &&
         LastingEnv(one) == LastingEnv(other);
}

DirectoryId DirectoryOf(const v1::LaunchSpec& spec, const SessionContext& context) {
  const std::string path = ExpandHome(spec.cwd(), context.home);
  if (context.is_on_network != nullptr && context.is_on_network(path)) return {};
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return {};
  return {.device = info.st_dev, .inode = info.st_ino};
}

std::string ConfigDirOf(const v1::LaunchSpec& spec, const SessionContext& context) {
  return ClaudeConfigDir(ChildEnv(spec, context));
}

TranscriptPlace TranscriptPlaceOf(const v1::LaunchSpec& spec, const std::string& session_id,
                                  const SessionContext& context) {
  return {.session_id = session_id,
          .cwd = ExpandHome(spec.cwd(), context.home),
          .config_dir = ConfigDirOf(spec, context)};
}

absl::StatusOr<LaunchPlan> PlanLaunch(const v1::LaunchSpec& spec, const std::string& session_id,
                                      const SessionContext& context) {
  LaunchPlan plan;
  ChildSpec& child = plan.child;
  child.keeper_program = context.keeper_program;
  child.cwd = ExpandHome(spec.cwd(), context.home);
  const absl::Status directory = CheckDirectory(child.cwd, spec, context);
  if (!directory.ok()) return directory;
  plan.directory = DirectoryOf(spec, context);

  Env env = ChildEnv(spec, context);
  absl::StatusOr<std::string> program = FindClaude(spec, context, env);
  if (!program.ok()) return program.status();
  child.program = *std::move(program);
  // What is started below carries it along, wherever it goes (strays.h).
  env[kSessionMark] = session_id;
  // It says when a turn is over, also where the result line was lost (idle_watch.h).
  env["CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"] = "1";
  env["PWD"] = PwdOf(child.cwd);

  // A result counts for a message only after the replay of its line, where claude is too old to say
  // which lines a result answers.
  child.args = {
      "--print",         "--verbose",   "--input-format",         "stream-json",
      "--output-format", "stream-json", "--replay-user-messages", std::string(SessionFlag(plan)),
      session_id};
  if (spec.skip_permissions()) {
    child.args.push_back("--dangerously-skip-permissions");
  } else if (spec.ask_permissions()) {
    // It asks us, on stdout.
    child.args.insert(child.args.end(), {"--permission-prompt-tool", "stdio"});
  }
  child.args.insert(child.args.end(), spec.args().begin(), spec.args().end());
  for (const auto& [name, value] : env) child.env.push_back(absl::StrCat(name, "=", value));
  LookForTranscript(spec, session_id, context, plan);
  return plan;
}

// The connection's own goes with it, and a child stays.
v1::LaunchSpec WithLastingAuthSock(const v1::LaunchSpec& spec, const SessionContext& context) {
  v1::LaunchSpec lasting = spec;
  if (context.auth_links == nullptr) return lasting;
  const std::string own = Get(ChildEnv(spec, context), "SSH_AUTH_SOCK");
  if (own.empty()) return lasting;
  (*lasting.mutable_env())["SSH_AUTH_SOCK"] = context.auth_links->SocketFor(spec.link(), own);
  return lasting;
}

void LookForTranscript(const v1::LaunchSpec& spec, const std::string& session_id,
                       const SessionContext& context, LaunchPlan& plan) {
  SetResumes(!FindTranscript(TranscriptPlaceOf(spec, session_id, context)).empty(), plan);
}

void ResumeAnyway(LaunchPlan& plan) { SetResumes(true, plan); }

}  // namespace iris
