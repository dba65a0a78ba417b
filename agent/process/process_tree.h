#ifndef IRIS_AGENT_PROCESS_PROCESS_TREE_H_
#define IRIS_AGENT_PROCESS_PROCESS_TREE_H_

#include <sys/types.h>

#include <cstddef>

namespace iris {

// Who is below whom, as /proc shows it now; nobody where there is no /proc. Also for a keeper,
// which has no C library (bare_linux.h): what is found goes into room that the caller has. Others
// use descendants.h, which says what a daemon is. On any thread.
//
// Most kernels say who the children of a process are. Where this one does not, or is not to be
// asked, all processes are looked at.
bool KernelSaysChildren();

// Those whose parent is `parent`, zombies and daemons of Iris among them: as many as there is room
// for, and how many that is. `is_whole` becomes false where descriptors or memory are wanting, and
// some may have been missed.
size_t FindChildren(pid_t parent, pid_t* found, size_t room, bool ask_kernel = KernelSaysChildren(),
                    bool* is_whole = nullptr);

// Living processes (zombies left out) whose parents lead to `ancestor`, each behind its parent.
// Without the living daemons of Iris, and what is below these. Room as above.
size_t FindDescendants(pid_t ancestor, pid_t* found, size_t room,
                       bool ask_kernel = KernelSaysChildren());

// `pid` is such a daemon.
bool IsLivingDaemon(pid_t pid);

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_PROCESS_TREE_H_
