#ifndef IRIS_COORDINATOR_LINK_HOST_FAILURE_H_
#define IRIS_COORDINATOR_LINK_HOST_FAILURE_H_

#include <grpcpp/support/status.h>

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"

namespace iris {

// Of what a host says of a failure.
inline constexpr size_t kHostDetailBytesMax = 2 << 10;

// A failure that a host tells, as people and models may see it. A host may be broken or hostile,
// and what Iris says is believed: so the detail is bounded, printable and begins with "the host
// says: ", and the fix is our own (KnownAgentFix(), else the kind's). A kind that only this end can
// find out (the login, the host's key, the way to the host, the agent's installation), or that we
// do not know, is FAILURE_INTERNAL. OK for no failure.
absl::Status FromHost(const Failure& failure);

// The same of a call's end. One without details of ours never reached the agent, or not all of it
// (see FromGrpcStatus()); its words are quoted, since they may be the host's too.
absl::Status FromHost(const grpc::Status& status, absl::string_view context);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HOST_FAILURE_H_
