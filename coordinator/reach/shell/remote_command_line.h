#ifndef IRIS_COORDINATOR_REACH_SHELL_REMOTE_COMMAND_LINE_H_
#define IRIS_COORDINATOR_REACH_SHELL_REMOTE_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/reach/shell/agent_bundle.h"

namespace iris {

// The first command of a connection, for whatever login shell the account has.
struct RemoteCommandLine {
  // New for each connection, so that no earlier output can be taken for it; lower-case hex.
  std::string marker;
  // Every build that could be there: architecture, digest and size count.
  std::vector<AgentBuild> builds;
  // remoteOptions.agentDir; empty = the usual places.
  std::string agent_dir;
  // Do not start an agent that is there: it did not greet. The install script looks at it first.
  bool ignore_installed = false;
  // It is sent to the stdin of a shell that runs in place of the command, and says so.
  bool on_stdin = false;
};

// One line, `exec sh -c '…'`, that holds no quote, backslash, '!' or newline inside, which is what
// bash, dash, busybox ash, zsh, fish and tcsh all leave alone. On the host it prints one of
//
//   MARKER found SYSTEM MACHINE DIRECTORY   and becomes `iris-agent bridge`: the framed hello
//                                           follows
//   MARKER none SYSTEM MACHINE              and becomes `sh -s` after a line that is the marker: it
//                                           reads the install script
//
// with `stdin ` after the marker for a line that is made on_stdin. What stands on its stdin before
// the line with the marker, or before the bridge's gRPC, is passed over: newlines, and this line
// with a blank before it, which were for another shell.
//
// An agent is there where its file has the size of the build; its digest takes too long to be made
// for every connection. SYSTEM and MACHINE are `uname`'s words ("Linux x86_64"). The marker stands
// in the line only in two halves, so that a shell which repeats its command is not taken for the
// answer. Nothing is set or changed in the environment that the agent inherits.
//
// FAILURE_BAD_REQUEST: agent_dir holds characters that cannot be sent safely.
absl::StatusOr<std::string> MakeRemoteCommandLine(const RemoteCommandLine& line);

// Shell text (one line, same characters) that sets iris_home, iris_uid and defines
// `iris_candidates FUNCTION`, which calls FUNCTION with each directory that may hold an agent, in
// order, until it succeeds. Shared with the install script: both must look in the same places.
std::string CandidatesScript(absl::string_view agent_dir);

// Shell text that defines `iris_own PATH`: PATH is a real directory, ours, and nobody else can
// write to it.
absl::string_view OwnDirectoryScript();

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_REMOTE_COMMAND_LINE_H_
