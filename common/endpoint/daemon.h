#ifndef IRIS_COMMON_ENDPOINT_DAEMON_H_
#define IRIS_COMMON_ENDPOINT_DAEMON_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace iris {

// Starts `argv` as a daemon that outlives the caller, its terminal and its login session: a session
// of its own, stdin, stdout and stderr on /dev/null, cwd /, every other descriptor closed, no child
// of the caller, environment `env` and in front of it kDaemonVariable (environment.h). Returns when
// the daemon has called ReportReady(), or is one already (it reported AlreadyExists).
//
// The failure that the daemon reported; FAILURE_NOT_EXECUTABLE: it cannot be run; FAILURE_INTERNAL:
// it ended without a word; FAILURE_TIMEOUT: it said nothing until `deadline` (it may still come up:
// dial it before starting another).
absl::Status StartDaemon(const std::vector<std::string>& argv, const std::vector<std::string>& env,
                         absl::Time deadline);

// The minimal environment of a daemon: HOME, USER, LOGNAME, PATH, TZ, LANG and LC_* of this
// process, plus XDG_RUNTIME_DIR, XDG_DATA_HOME, XDG_CONFIG_HOME and every variable named in
// `further` that is set. Never a mark of Iris', such as that of a session this process belongs to.
std::vector<std::string> MinimalEnv(const std::vector<std::string>& further);

// For the daemon: reports to the process that called StartDaemon() how the start ended, once; OK
// and AlreadyExists count as ready. Does nothing when started by hand. Closes the report descriptor
// and takes its number (IRIS_READY_FD) out of the environment: no other thread may read or write
// the environment meanwhile.
void ReportReady(const absl::Status& outcome);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_DAEMON_H_
