#ifndef IRIS_COMMON_RPC_GRPC_LIFE_H_
#define IRIS_COMMON_RPC_GRPC_LIFE_H_

#include "grpc/grpc.h"

namespace iris {

// For a daemon, before its first server or channel: gRPC stays until the process ends. Else the end
// of the last server waits for gRPC's threads, and one of them polls on for up to 10 s after a
// write that had to wait for its peer (gRPC 1.51, run_poller in tcp_posix.cc).
inline void KeepGrpcUntilExit() { grpc_init(); }

}  // namespace iris

#endif  // IRIS_COMMON_RPC_GRPC_LIFE_H_
