#include "coordinator/orchestrator/wayless_tells.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/accepted_tell.h"

namespace iris {

bool WaylessTells::Has(const std::string& tell_id) const {
  return absl::c_linear_search(ids_, tell_id);
}

std::vector<std::string> WaylessTells::TakeAll() { return std::exchange(ids_, {}); }

void WaylessTells::PutBack(std::vector<std::string> stay) {
  ids_.insert(ids_.begin(), std::make_move_iterator(stay.begin()),
              std::make_move_iterator(stay.end()));
}

size_t WaylessTells::GivenOf(const std::string& session_id) const {
  return static_cast<size_t>(absl::c_count_if(ids_, [&](const std::string& tell_id) {
    const AcceptedTell* const tell = tells_.Find(tell_id);
    return tell != nullptr && tell->given() && tell->session_id() == session_id;
  }));
}

absl::Status WaylessTells::CheckNoneIsGiven(const std::string& session_id) const {
  if (GivenOf(session_id) == 0) return absl::OkStatus();
  return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                     "an earlier message of this conversation was given to the team with variables "
                     "of its sender, on which the team's settings depend, and these are others",
                     "Ask for it with `iris tells`, with the variables that it was sent with, or "
                     "cancel it.");
}

}  // namespace iris
