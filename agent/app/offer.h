#ifndef IRIS_AGENT_APP_OFFER_H_
#define IRIS_AGENT_APP_OFFER_H_

#include "absl/status/status.h"
#include "agent/app/options.h"
#include "common/endpoint/endpoint.h"

namespace iris {

// Whether the agent that greeted is an older build than this program.
bool IsOlder(const Dialed& agent, const Options& options);

// Offers this program to `agent` as its next build, and waits until it has become it, or some
// seconds. OK: it has, or will not need to, or it was too old to do so and idle, and has left; dial
// again, or start this one. FAILURE_VERSION: it is too old, and at work. Else why it did not take
// the offer. It is as alive as before.
absl::Status OfferThisBuild(Dialed agent);

// `iris-agent upgrade`: the agent of this account, if one runs and is older, becomes this build.
// Returns the exit code: 0 it is this build, or newer, or does not run (any more); 1 it refused,
// with one line on stderr.
int RunUpgrade(const Options& options);

}  // namespace iris

#endif  // IRIS_AGENT_APP_OFFER_H_
