#include "coordinator/reach/shell/remote_command_line.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "coordinator/config/shell_words.h"

namespace iris {
namespace {

absl::Status CheckAgentDir(const std::string& agent_dir) {
  if (IsQuietInShells(agent_dir)) return absl::OkStatus();
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("remoteOptions.agentDir \"", absl::Utf8SafeCEscape(agent_dir),
                                  "\" holds characters that not every login shell leaves alone"),
                     absl::StrCat("Use ", kQuietInShellsText, " in agentDir."));
}

}  // namespace

// `ls` says everything at once: type, mode (with d????-??-*, neither the group nor others may
// write) and owner. -n: names may be long and hold anything.
absl::string_view OwnDirectoryScript() {
  return R"(iris_own() { set -- $(ls -ldn "$1" 2>/dev/null); )"
         R"(case ${1:-} in d????-??-*) [ "$3" = "$iris_uid" ];; *) false;; esac; };)";
}

std::string CandidatesScript(absl::string_view agent_dir) {
  std::string list =
      R"("${XDG_DATA_HOME:+$XDG_DATA_HOME/iris}" "$iris_home/.local/share/iris" "$iris_home/.iris" )"
      R"("${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/iris-$iris_uid}" )"
      R"("${iris_uid:+/var/tmp/iris-$iris_uid}" "${iris_uid:+/tmp/iris-$iris_uid}")";
  if (!agent_dir.empty()) {
    list = absl::ConsumePrefix(&agent_dir, "~/") ? absl::StrCat("\"$iris_home/", agent_dir, "\"")
                                                 : absl::StrCat("\"", agent_dir, "\"");
  }
  return absl::StrCat(
      R"(iris_home=${HOME:-}; [ "$iris_home" ] || iris_home=~; iris_uid=$(id -u 2>/dev/null); )",
      "iris_candidates() { for iris_dir in ", list,
      R"(; do case $iris_dir in /*) "$1" "$iris_dir" && return 0;; esac; done; return 1; };)");
}

absl::StatusOr<std::string> MakeRemoteCommandLine(const RemoteCommandLine& line) {
  if (absl::Status status = CheckAgentDir(line.agent_dir); !status.ok()) return status;
  std::string digest_of_machine;
  for (const AgentBuild& build : line.builds) {
    if (line.ignore_installed) break;
    absl::StrAppend(&digest_of_machine, "\"Linux ", build.arch, "\") iris_sum=", build.sha256,
                    "; iris_bytes=", build.bytes, ";; ");
  }
  const size_t half = line.marker.size() / 2;
  const absl::string_view via = line.on_stdin ? "stdin " : "";
  return absl::StrCat(
      "exec sh -c '", "iris_a=", line.marker.substr(0, half), "; iris_b=", line.marker.substr(half),
      "; ", OwnDirectoryScript(), " ", CandidatesScript(line.agent_dir),
      " iris_system=$(uname -sm 2>/dev/null); case $iris_system in ", digest_of_machine,
      "*) iris_sum=;; esac; ",
      R"(iris_whole() { set -- $(ls -ldn "$1" 2>/dev/null); )"
      R"([ "${5:-}" = "$iris_bytes" ]; }; )"
      R"(iris_find() { iris_agent=$1/bin/iris-agent-$iris_sum; )"
      R"([ -f "$iris_agent" ] && [ -x "$iris_agent" ] && iris_whole "$iris_agent" && )"
      R"(iris_own "$1" && iris_own "$1/bin"; }; )"
      R"(if [ "$iris_sum" ] && iris_candidates iris_find; then )"
      R"(echo "$iris_a$iris_b )",
      via,
      R"(found $iris_system $iris_dir"; )"
      R"(exec "$iris_agent" bridge --data "$iris_dir")",
      line.agent_dir.empty() ? "" : R"( --home "$iris_dir")", R"(; fi; echo "$iris_a$iris_b )", via,
      R"(none $iris_system"; )",
      R"(while read -r iris_line; do )"
      R"([ "$iris_line" = "$iris_a$iris_b" ] && exec sh -s; done')");
}

}  // namespace iris
