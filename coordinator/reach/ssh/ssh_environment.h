#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_ENVIRONMENT_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_ENVIRONMENT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"

namespace iris {

// ssh runs with all of an asker's environment, which is another one for every terminal. What of it
// may decide who is reached, as whom, and what is sent there: two connections are the same only
// where this is. `printed` is what `ssh -G` says of the host and of its jump hosts, line by line:
//
//   always           SSH_AUTH_SOCK, DISPLAY, KRB5*, SSH_SK_* and SSH_PKCS11_HELPER; what the loader
//                    and the libraries look at (LD_*, LOCALDOMAIN, RES_OPTIONS, HOSTALIASES …)
//   what it names    ${NAME} and $NAME, as it stands there, set or not
//   what SendEnv sends
//   of a jump host   what a shell looks at before it runs the ssh of it (SHELL, BASH_ENV …)
//   everything       but what is of a terminal, a login or a directory (PWD, TERM, TMUX, SHLVL …):
//                    where a program of the user's is part of the way (ProxyCommand,
//                    KnownHostsCommand, a provider of keys), a library is loaded into ssh
//                    (LD_PRELOAD, LD_AUDIT), or nobody knows (`printed` is unset)
//
// Not for people, and not for a log: it holds the values.
std::string EnvironmentThatCounts(absl::optional<absl::string_view> printed,
                                  const Environment& env);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_ENVIRONMENT_H_
