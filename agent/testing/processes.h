#ifndef IRIS_AGENT_TESTING_PROCESSES_H_
#define IRIS_AGENT_TESTING_PROCESSES_H_

#include <sys/types.h>

#include <functional>

namespace iris {

// What a daemon does at its start: ignores SIGPIPE, and makes the calling process a child
// subreaper, so that whatever its children leave behind comes to it.
void BecomeLikeTheAgent();

// True as soon as `condition` is; false after a minute. For what only the kernel knows, and tells
// nobody.
bool Eventually(const std::function<bool()>& condition);

// No process below this one, not even a zombie. Reaps none.
bool HaveNoChildren();

// A zombie exists too.
bool Exists(pid_t pid);

// The state letter of ps; ' ' if there is no such process.
char StateOf(pid_t pid);

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_PROCESSES_H_
