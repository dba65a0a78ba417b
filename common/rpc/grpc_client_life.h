#ifndef IRIS_COMMON_RPC_GRPC_CLIENT_LIFE_H_
#define IRIS_COMMON_RPC_GRPC_CLIENT_LIFE_H_

namespace iris {

// For a process whose channels come and go, before its first one: keeps the threads that all
// channels' callbacks share. Else gRPC ends them with the last channel and starts them with the
// next, and aborts where that happens on one of them (gRPC 1.51, CallbackAlternativeCQ).
void KeepGrpcClientThreads();

}  // namespace iris

#endif  // IRIS_COMMON_RPC_GRPC_CLIENT_LIFE_H_
