#ifndef IRIS_COORDINATOR_TRANSPORT_NAME_TAKEOVER_H_
#define IRIS_COORDINATOR_TRANSPORT_NAME_TAKEOVER_H_

#include "absl/status/status.h"
#include "coordinator/transport/transport_factory.h"

namespace iris {

// An agent that refuses a session does not know what it is called here: in its fix,
// `iris takeover TEAM` becomes the command for the session of `key`.
absl::Status NameTakeover(const absl::Status& status, const SessionKey& key);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_NAME_TAKEOVER_H_
