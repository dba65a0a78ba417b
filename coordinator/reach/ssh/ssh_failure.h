#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_FAILURE_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "coordinator/reach/shell/shell_client.h"

namespace iris {

// What is known of an ssh client that ended, or that is being given up.
struct SshEnd {
  using Stage = ClientStage;
  Stage stage = Stage::kConnecting;
  absl::optional<int> exit_code;  // Nothing: it still ran. 128 + the signal that ended it.
  bool logged_in = false;         // ssh has logged kLoggedInLine, however long ago.
  // ssh's log (-E): its own lines and nobody else's. The end of it.
  std::string log;
  // The rest of what came on its stderr, mixed: the host's banner, what startup files and the
  // remote command say, what a jump host's ssh or a ProxyCommand says, and what ssh says before it
  // has opened its log. The end of it.
  std::string stderr_text;
  std::string noise;  // What the host printed on stdout before our command did.
};

// The typed failure. OpenSSH says what failed only in words, and those are the same under every
// locale; see ssh_lines.h. Its exit code 255 alone proves nothing: a remote command may return that
// too.
//
// Only ssh's own lines say auth, host_key or bad_request, and only before the login: a host that
// has let us in can say what it likes, also ssh's very words. Of an ssh that a jump host needs,
// whose lines come on stderr with everybody else's, only those count that end as ssh ends its lines
// ("\r\n"), that nobody else's follow, and that came before the target answered; auth, host_key and
// bad_request of it only where it ended by itself: a banner may end as ssh's lines do, and be the
// last word of a jump host that then keeps silent. What an account
// without a shell says counts where our command was refused by it.
//
// kConnecting and kBootstrap: unreachable, auth, host_key, bad_request, no_agent_possible, or what
// the agent's bridge itself said. kUp: dropped, always.
absl::Status ClassifySshEnd(const SshEnd& end);

// So the line begins with which ssh logs that the login was accepted.
inline constexpr absl::string_view kLoggedInLine = "Authenticated to ";

// The connection stood and the agent's bridge ended before it greeted without a word of its own:
// the file may be no agent any more, whatever ClassifySshEnd() makes of it.
bool AgentSaidNothing(const SshEnd& end);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_FAILURE_H_
