#include "coordinator/reach/ssh/ssh_command.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "common/endpoint/daemon.h"
#include "common/environment/environment.h"
#include "coordinator/reach/ssh/ssh_options.h"

namespace iris {
namespace {

// ssh expands %-tokens in paths.
std::string EscapePercent(absl::string_view path) {
  return absl::StrReplaceAll(path, {{"%", "%%"}});
}

int64_t CeilSeconds(absl::Duration duration) {
  return std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1))));
}

void Append(std::vector<std::string>& argv, std::vector<std::string> more) {
  std::move(more.begin(), more.end(), std::back_inserter(argv));
}

void AppendOption(std::vector<std::string>& argv, std::string setting) {
  Append(argv, {"-o", std::move(setting)});
}

// What decides where a connection goes, and as whom.
void AppendRemoteOptions(std::vector<std::string>& argv, const SshOptions& options) {
  if (options.port != 0) AppendOption(argv, absl::StrCat("Port=", options.port));
  // -i and not -o IdentityFile: it takes blanks as they are, and ssh warns where the file is
  // missing.
  if (!options.identity.empty()) Append(argv, {"-i", EscapePercent(options.identity)});
  if (options.strict_host_key_checking.has_value()) {
    AppendOption(argv, absl::StrCat("StrictHostKeyChecking=",
                                    *options.strict_host_key_checking ? "yes" : "accept-new"));
  }
  if (options.forward_agent.has_value()) {
    AppendOption(argv, absl::StrCat("ForwardAgent=", *options.forward_agent ? "yes" : "no"));
  }
}

void AppendDestination(std::vector<std::string>& argv, const RemoteCommand& remote) {
  Append(argv, remote.options);
  Append(argv, {"--", remote.destination});
}

}  // namespace

std::vector<std::string> ConnectArgv(const SshTarget& target, absl::string_view control_path,
                                     absl::string_view log_path, absl::string_view remote_command,
                                     bool session_options) {
  const SshOptions& options = target.options;
  std::vector<std::string> argv = {target.remote.program, "-T", "-E", std::string(log_path)};
  // VERBOSE says when the login was accepted.
  for (const char* setting :
       {"RequestTTY=no", "RemoteCommand=none", "LogLevel=VERBOSE", "BatchMode=yes",
        "ControlMaster=yes", "ControlPersist=no", "StreamLocalBindUnlink=yes",
        "PermitLocalCommand=no", "EscapeChar=none", "ForwardX11=no", "ClearAllForwardings=yes"}) {
    AppendOption(argv, setting);
  }
  if (session_options) {
    for (const char* setting :
         {"ForkAfterAuthentication=no", "StdinNull=no", "SessionType=default"}) {
      AppendOption(argv, setting);
    }
  }
  AppendOption(argv, absl::StrCat("ControlPath=", EscapePercent(control_path)));
  AppendOption(argv, absl::StrCat("ConnectTimeout=", CeilSeconds(options.connect_timeout)));
  AppendOption(argv,
               absl::StrCat("ServerAliveInterval=", CeilSeconds(options.server_alive_interval)));
  AppendOption(argv, absl::StrCat("ServerAliveCountMax=", options.server_alive_count_max));
  AppendRemoteOptions(argv, options);
  AppendDestination(argv, target.remote);
  argv.emplace_back(remote_command);
  return argv;
}

std::vector<std::string> ForwardArgv(const SshTarget& target, absl::string_view control_path,
                                     absl::string_view local_socket,
                                     absl::string_view remote_socket) {
  return {target.remote.program,
          "-F",
          "/dev/null",
          "-S",
          EscapePercent(control_path),
          "-O",
          "forward",
          "-L",
          absl::StrCat(local_socket, ":", remote_socket),
          "--",
          target.remote.destination};
}

std::vector<std::string> ResolveArgv(const SshTarget& target) {
  std::vector<std::string> argv = {target.remote.program, "-G"};
  // With a command: else ssh refuses ForkAfterAuthentication, which it is not to obey.
  AppendOption(argv, "RemoteCommand=none");
  AppendRemoteOptions(argv, target.options);
  AppendDestination(argv, target.remote);
  argv.push_back("true");
  return argv;
}

std::vector<std::string> ValuesOf(const std::vector<std::string>& options, char letter) {
  std::vector<std::string> values;
  for (size_t i = 0; i < options.size(); ++i) {
    if (options[i].size() < 2 || options[i][0] != '-') continue;
    for (size_t at = 1; at < options[i].size(); ++at) {
      const SshLetter* known = FindSshLetter(options[i][at]);
      if (known == nullptr || !known->takes_value) continue;
      std::string value = options[i].substr(at + 1);
      if (value.empty() && i + 1 < options.size()) value = options[++i];
      if (known->letter == letter) values.push_back(std::move(value));
      break;
    }
  }
  return values;
}

Environment SshEnvironment(const SshTarget& target) {
  Environment env = target.lent_env;
  if (env.empty()) {
    for (const std::string& own :
         MinimalEnv({std::begin(kSshVariables), std::end(kSshVariables)})) {
      AddEntry(own, env);
    }
    return env;
  }
  for (const char* name : {"HOME", "LOGNAME", "PATH", "USER"}) {
    if (const char* const own = std::getenv(name)) env.emplace(name, own);
  }
  return env;
}

std::vector<std::string> SshEnv(const SshTarget& target) {
  return EntriesOf(SshEnvironment(target));
}

}  // namespace iris
