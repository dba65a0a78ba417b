#ifndef IRIS_COORDINATOR_REACH_SHELL_INSTALL_SCRIPT_H_
#define IRIS_COORDINATOR_REACH_SHELL_INSTALL_SCRIPT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// What the `sh -s` of the remote command line reads where no agent is: it finds a directory, takes
// the program over the same stdin, checks it, puts it in its place and becomes its bridge.
struct InstallScript {
  std::string marker;     // The connection's.
  std::string agent_dir;  // As MakeRemoteCommandLine() accepted it; empty = the usual places.
  std::string sha256;     // Of the program.
  uint64_t bytes = 0;     // The program's.
  uint64_t gzip_bytes = 0;
};

// The line for which the remote command line waits, and the script, which answers with these lines,
// each after the marker:
//
//   intact DIR                    The program is there, by its digest, and runs: send nothing. The
//                                 framed hello follows.
//   skip KIND DIR: WHY            For a directory that will not do; KIND as below or `unsuitable`.
//   nowhere                       That was the last one. The end.
//   ready gzip|plain DIR          Send exactly gzip_bytes (or `bytes`) now, and nothing else.
//   got N                         Every second: so many of these bytes are in the host's file.
//   failed KIND WHY               KIND is no_space, not_executable, damaged or storage. The end;
//                                 nothing is left.
//   installed sha256|length DIR   How the program was checked. The framed hello follows.
//
// A directory is tried by writing as much as the installation needs, the packed and the unpacked
// program (which also meets quotas, missing inodes and file-size limits), and by running a two-line
// program there. The program is on the disk before it gets its name: a loss of power leaves none
// that is empty. Neither locale, umask nor a variable of the agent's environment is changed.
std::string MakeInstallScript(const InstallScript& script);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_INSTALL_SCRIPT_H_
