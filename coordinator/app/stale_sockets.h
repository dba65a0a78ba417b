#ifndef IRIS_COORDINATOR_APP_STALE_SOCKETS_H_
#define IRIS_COORDINATOR_APP_STALE_SOCKETS_H_

#include <string>

namespace iris {

// Removes the sockets that an ssh of a killed coordinator has left in `dir`: those named as the
// bootstrap names them, at which nobody listens. The caller holds the lock of the endpoint in
// `dir`.
void SweepStaleSockets(const std::string& dir);

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_STALE_SOCKETS_H_
