#ifndef IRIS_COMMON_PROCESS_CHILD_EXIT_H_
#define IRIS_COMMON_PROCESS_CHILD_EXIT_H_

#include <sys/types.h>

#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace iris {

// How a child of ours that leads its process group ends. `pid` is not reaped before EndChild().

// Its exit code, or 128 + the signal that killed it. Nothing: it still runs at `deadline`.
absl::optional<int> WaitForChild(pid_t pid, absl::Time deadline);

// Makes it end: SIGTERM, `grace` for it to end by itself, then SIGKILL to what is left of its
// group, which may hold helpers of its own (a ProxyCommand). Reaps it; `pid` means nothing
// afterwards. Returns what WaitForChild() does.
int EndChild(pid_t pid, absl::Duration grace);

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_CHILD_EXIT_H_
