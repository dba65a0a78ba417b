#ifndef IRIS_AGENT_PROCESS_STRAYS_H_
#define IRIS_AGENT_PROCESS_STRAYS_H_

#include <cstddef>
#include <functional>
#include <string>

namespace iris {

// In the environment of a session's claude: the session's id. What claude starts inherits it,
// unless it is given another environment, as the daemons of Iris are.
inline constexpr char kSessionMark[] = "IRIS_SESSION";

// SIGKILL for every process of this account that carries the session's mark: what is left of it
// where its keeper, which ends all below itself, was killed too. Only while neither a keeper nor a
// claude of the session is to run. Returns how many there were. Looks at all of the account's
// processes, ten times at most, and blocks where the kernel waits for one of them: for SlowWork. On
// any thread.
size_t KillStrays(const std::string& session_id);
using StrayKiller = std::function<size_t(const std::string& session_id)>;

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_STRAYS_H_
