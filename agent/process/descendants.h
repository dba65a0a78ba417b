#ifndef IRIS_AGENT_PROCESS_DESCENDANTS_H_
#define IRIS_AGENT_PROCESS_DESCENDANTS_H_

#include <sys/types.h>

#include <vector>

namespace iris {

// Who is below a process, as /proc shows it now; nobody where there is no /proc. Without the living
// daemons of Iris, and what is below these: a claude's tool may have started one, which then works
// for others too and is not that claude's to be ended with. They are known by kDaemonVariable in
// the environment they were started with. A daemon whose environment cannot be read (another
// account's, or one in the middle of execve()) is known by its name, which begins with "iris".

// Living processes (zombies left out) whose parents lead to `ancestor`, each behind its parent.
std::vector<pid_t> DescendantsOf(pid_t ancestor);

// Those whose parent is `parent`, zombies that wait to be reaped among them.
std::vector<pid_t> ChildrenOf(pid_t parent);
// With the living daemons too: it costs less to know. `is_whole` as in process_tree.h.
std::vector<pid_t> AllChildrenOf(pid_t parent, bool* is_whole = nullptr);

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_DESCENDANTS_H_
