#ifndef IRIS_COMMON_FAILURE_FAILURE_H_
#define IRIS_COMMON_FAILURE_FAILURE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

using v1::Failure;
using v1::FailureKind;

// Bounds of failure.proto, for everything that is made or comes in here.
inline constexpr size_t kFailureDetailBytesMax = 8 << 10;
inline constexpr size_t kFailureFixBytesMax = 2 << 10;

// A typed failure is an absl::Status that carries its kind and, where the place that failed knows
// better than the general sentence, its own fix. Everything a person reads about a failure is made
// here: MCP errors and the command line show the same text.
//
// `detail` says what failed, on what and why; one to three sentences without a final newline.
// `fix` may be empty: then FixFor(kind) stands.
absl::Status MakeFailure(FailureKind kind, absl::string_view detail, absl::string_view fix = "");

// FAILURE_RATE_LIMITED, which also says when the limit ends.
absl::Status MakeRateLimited(absl::string_view detail, const v1::RateLimit& limit,
                             absl::string_view fix = "");

// The same for a failure that came over the wire or out of the store. OK for no failure (kind 0 and
// empty detail).
absl::Status FromProto(const Failure& failure);

// The wire form. An untyped error becomes FAILURE_INTERNAL with its message; `status` must not be
// OK.
Failure ToProto(const absl::Status& status);

// The kind of a failure. Not failure.kind(), which may be the nearest that older builds know.
FailureKind KindOf(const Failure& failure);
// The kind of `status`: FAILURE_UNSPECIFIED if it is OK, FAILURE_INTERNAL if it carries none.
FailureKind KindOf(const absl::Status& status);

// Returns `status` with "`context`: " before its detail; kind and fix stay.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// "unreachable", "claude_missing": the names of docs/PROTOCOL.md, for --json and logs.
absl::string_view KindName(FailureKind kind);

// One general sentence each: what it means, and what to do about it.
absl::string_view CauseFor(FailureKind kind);
absl::string_view FixFor(FailureKind kind);

// What a person sees: "KIND: detail" and, on a second line, "fix: …". Two lines, no final newline.
std::string Describe(const Failure& failure);

// The gRPC status code's number (absl and gRPC number them alike) that goes with `kind`.
absl::StatusCode CodeFor(FailureKind kind);

}  // namespace iris

#endif  // IRIS_COMMON_FAILURE_FAILURE_H_
