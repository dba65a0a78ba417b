#ifndef IRIS_AGENT_APP_SERVE_H_
#define IRIS_AGENT_APP_SERVE_H_

#include "agent/app/options.h"

namespace iris {

// `iris-agent serve`: the agent of this account on this host, in the foreground, until a signal
// (SIGTERM, SIGINT), a Shutdown call or a long idle time ends it. Whoever started it as a daemon
// hears when it is ready (ReportReady()). Must run before the process has other threads.
//
// Returns the exit code: 0 it ran and left, or another one serves already; 1 it could not start
// (one line on stderr).
int RunServe(const Options& options);

}  // namespace iris

#endif  // IRIS_AGENT_APP_SERVE_H_
