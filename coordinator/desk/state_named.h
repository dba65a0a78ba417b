#ifndef IRIS_COORDINATOR_DESK_STATE_NAMED_H_
#define IRIS_COORDINATOR_DESK_STATE_NAMED_H_

#include "absl/strings/string_view.h"
#include "coordinator/desk/state_names.h"

namespace iris {

// For tests: the state that StateName() calls so; unspecified: there is none.
template <typename State>
State StateNamed(absl::string_view name) {
  for (int state = 1; StateName(static_cast<State>(state)) != "unknown"; ++state) {
    if (StateName(static_cast<State>(state)) == name) return static_cast<State>(state);
  }
  return State();
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_STATE_NAMED_H_
