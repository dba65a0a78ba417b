#ifndef IRIS_COORDINATOR_LINK_WAY_DIGEST_H_
#define IRIS_COORDINATOR_LINK_WAY_DIGEST_H_

#include <string>

#include "coordinator/config/config.h"

namespace iris {

// What decides which host is meant and which agent there, as far as a team's configuration says it:
// `remote` with its variables expanded, what else names the host (Key::names_host: a port), and the
// agent's folder. A digest, since what a variable stands for may be a secret. Stores have it: it
// stays the same over builds.
std::string DigestOfWay(const RemoteCommand& remote, const RemoteOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_WAY_DIGEST_H_
