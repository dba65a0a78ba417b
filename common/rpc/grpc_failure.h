#ifndef IRIS_COMMON_RPC_GRPC_FAILURE_H_
#define IRIS_COMMON_RPC_GRPC_FAILURE_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace iris {

// How a typed failure travels as the end of a call: the code that goes with its kind, and an
// iris.v1.Failure as binary error details. Trailers are at most 8 KiB in gRPC, so a longer detail
// is cut to 3 KiB and a longer fix to 1 KiB. An untyped error becomes FAILURE_INTERNAL. OK stays
// OK.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The way back; `context` ("GetStatus", "attach to gpu1"; may be empty) goes before the detail. A
// call that ended without details of ours never reached the other program, or not all of it:
// FAILURE_DROPPED for UNAVAILABLE, FAILURE_TIMEOUT for DEADLINE_EXCEEDED, FAILURE_CANCELLED for
// CANCELLED, FAILURE_VERSION for UNIMPLEMENTED, else FAILURE_INTERNAL.
absl::Status FromGrpcStatus(const grpc::Status& status, absl::string_view context);

}  // namespace iris

#endif  // IRIS_COMMON_RPC_GRPC_FAILURE_H_
