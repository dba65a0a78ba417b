#ifndef IRIS_AGENT_PROCESS_DESCENDANTS_H_
#define IRIS_AGENT_PROCESS_DESCENDANTS_H_

#include <sys/types.h>

#include <vector>

namespace iris {

// Living processes (zombies left out) whose parents lead to `ancestor`, nearest first, as /proc
// shows them now. Empty where there is no /proc.
std::vector<pid_t> DescendantsOf(pid_t ancestor);

// Those whose parent is `parent`, zombies that wait to be reaped among them.
std::vector<pid_t> ChildrenOf(pid_t parent);

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_DESCENDANTS_H_
