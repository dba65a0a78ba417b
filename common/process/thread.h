#ifndef IRIS_COMMON_PROCESS_THREAD_H_
#define IRIS_COMMON_PROCESS_THREAD_H_

#include <functional>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// A thread that runs `work`; the caller joins it. std::thread's constructor throws where the
// account or the machine has no more threads, which would end the daemon: every thread that starts
// while the daemon runs is started here. `purpose` is for people: "reads what ssh says".
//
// FAILURE_BUSY_LIMIT: there are no more threads; `work` was not run and is gone. Try again later.
absl::StatusOr<std::thread> StartThread(absl::string_view purpose, std::function<void()> work);

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_THREAD_H_
