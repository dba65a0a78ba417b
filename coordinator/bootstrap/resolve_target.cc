#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "coordinator/bootstrap/bootstrap.h"
#include "coordinator/bootstrap/host_text.h"
#include "coordinator/bootstrap/run_program.h"
#include "coordinator/bootstrap/ssh_command.h"

namespace iris {
namespace {

constexpr absl::Duration kResolveTimeout = absl::Seconds(10);
constexpr size_t kWordsBytesMax = 400;

// ssh prints the paths of its configuration as they are written, those of -i expanded.
std::string WithoutTilde(absl::string_view path) {
  const char* home = getenv("HOME");
  if (home == nullptr || !absl::ConsumePrefix(&path, "~/")) return std::string(path);
  return absl::StrCat(home, "/", path);
}

// "keyword value" lines; some keywords come more than once, in order.
std::map<std::string, std::vector<std::string>> ParseSettings(const std::string& text) {
  std::map<std::string, std::vector<std::string>> settings;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::pair<std::string, std::string> setting = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    settings[setting.first].push_back(WithoutTilde(setting.second));
  }
  return settings;
}

}  // namespace

absl::StatusOr<std::string> ResolveTarget(const SshTarget& target) {
  const absl::StatusOr<ProgramOutput> output =
      RunProgram(ResolveArgv(target), SshEnv(target), absl::Now() + kResolveTimeout);
  if (!output.ok()) return Annotate(output.status(), target.remote.destination);
  std::map<std::string, std::vector<std::string>> settings = ParseSettings(output->out);
  const auto value = [&settings](const char* name) { return absl::StrJoin(settings[name], ","); };
  std::string host = value("hostname");
  if (output->exit_code != 0 || host.empty()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat(target.remote.destination, ": ssh refuses its configuration (",
                                    PrintableHostText(output->err, kWordsBytesMax), ")"),
                       "Correct the team's `remote`, or the line of ~/.ssh/config that ssh names.");
  }
  if (absl::StrContains(host, ':')) host = absl::StrCat("[", host, "]");
  std::string resolved = absl::StrCat(value("user"), "@", host, ":", value("port"));
  for (const char* name : {"proxyjump", "proxycommand", "identityfile", "hostkeyalias"}) {
    if (settings.count(name) != 0) absl::StrAppend(&resolved, " ", name, "=", value(name));
  }
  if (!target.options.agent_dir.empty()) {
    absl::StrAppend(&resolved, " agentDir=", target.options.agent_dir);
  }
  return resolved;
}

}  // namespace iris
