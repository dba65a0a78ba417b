#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_COMMAND_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_COMMAND_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/environment/environment.h"
#include "coordinator/reach/ssh/ssh_connect.h"

namespace iris {

// The argument lists with which the system's ssh is run. It takes the first value that it meets for
// each option: ours come first, then the user's own words, then ~/.ssh/config.

// For the connection of a link. `control_path` is where it listens for `-O`, `log_path` is where
// its own lines go (apart from what the host says on stderr, and from the host's banner);
// `remote_command` is one line for the login shell. `session_options`: this ssh knows
// ForkAfterAuthentication, StdinNull and SessionType (OpenSSH 8.7 and later; an earlier one refuses
// what it does not know), which a user's configuration might set against us.
//
// strictHostKeyChecking true is passed as `yes`, false as `accept-new` (a new host's key is learnt,
// a changed one still refused: no setting of ours connects to a changed key). Unset passes nothing,
// so that ssh's own configuration counts; with BatchMode `ask` there means `yes`.
std::vector<std::string> ConnectArgv(const SshTarget& target, absl::string_view control_path,
                                     absl::string_view log_path, absl::string_view remote_command,
                                     bool session_options);

// Asks the running connection at `control_path` for one more UNIX-socket forward. Reads no
// configuration: forwards listed there would be asked for as well.
std::vector<std::string> ForwardArgv(const SshTarget& target, absl::string_view control_path,
                                     absl::string_view local_socket,
                                     absl::string_view remote_socket);

// Prints what ssh makes of the target.
std::vector<std::string> ResolveArgv(const SshTarget& target);

// What `options`, a team's words for ssh, give for the option -`letter`, in their order.
std::vector<std::string> ValuesOf(const std::vector<std::string>& options, char letter);

// The environment for all of them: the asker's, all of it, with HOME, USER, LOGNAME and PATH of
// this process where that has none; where there is no asker, the minimal one of our daemons.
Environment SshEnvironment(const SshTarget& target);
std::vector<std::string> SshEnv(const SshTarget& target);  // The same, as execve() takes it.

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_COMMAND_H_
