#ifndef IRIS_COORDINATOR_CLI_TELL_ID_H_
#define IRIS_COORDINATOR_CLI_TELL_ID_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// So many characters at the beginning of an id distinguish all that `tells` has: 8, or more where
// they must be.
size_t IdCharactersShown(const v1::ListTellsResponse& tells);

// The beginning of `tell_id` by which it is found: for people.
std::string ShortId(absl::string_view tell_id);

// The one message of `tells` whose id begins so, in either case. FAILURE_BAD_REQUEST: none does, or
// several do; which; or these are fewer than 4 characters, which a slip of the hand may be.
absl::StatusOr<std::string> FindTellId(const v1::ListTellsResponse& tells,
                                       absl::string_view begins);

// The newest message of `tells` that `from` sent. FAILURE_BAD_REQUEST: it sent none.
absl::StatusOr<std::string> LastTellId(const v1::ListTellsResponse& tells, absl::string_view from);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TELL_ID_H_
