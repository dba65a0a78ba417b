#ifndef IRIS_AGENT_APP_BRIDGE_H_
#define IRIS_AGENT_APP_BRIDGE_H_

#include "agent/app/options.h"

namespace iris {

// `iris-agent bridge`: joins stdin and stdout to the agent of this account, which is started where
// none answers within 10 s; an older build is asked to become this one first. On stdout: the
// agent's framed hello, with the environment and the SSH_AUTH_SOCK of this process, then whatever
// the agent sends; nothing when no agent can be reached.
//
// Returns the exit code: 0 stdin ended; 1 no agent could be reached or started (one line on stderr:
// "iris-agent: KIND: DETAIL"); 3 the agent closed the connection.
int RunBridge(const Options& options);

}  // namespace iris

#endif  // IRIS_AGENT_APP_BRIDGE_H_
