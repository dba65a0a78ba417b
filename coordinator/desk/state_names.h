#ifndef IRIS_COORDINATOR_DESK_STATE_NAMES_H_
#define IRIS_COORDINATOR_DESK_STATE_NAMES_H_

#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The states as programs read them, in --json (docs/iris.schema.json) and in the tools' results.
// "unknown": a state of a newer coordinator.
absl::string_view StateName(v1::TellSummary::State state);
absl::string_view StateName(v1::SessionStatus::State state);
absl::string_view StateName(v1::LinkStatus::State state);

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_STATE_NAMES_H_
