// What has to hold, whatever was thrown at it.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulation/schedule_run.h"

namespace iris::simulation {

void Schedule::CheckOutcome(const SimTell& tell, const TellOutcome& outcome) {
  const std::string right = AnswerTo(tell.text);
  const int turns = host_->claudes().turns.count(tell.id) > 0 ? host_->claudes().turns[tell.id] : 0;
  if (outcome.status.ok()) {
    if (*outcome.answer != right) {
      world_.Violation(absl::StrCat("the answer to ", tell.id, " is [", *outcome.answer,
                                    "] in the place of [", right, "]"));
    }
    const bool is_forgotten = turns == 0 && forgotten_.count(tell.id) > 0;
    if (turns != 1 && !is_forgotten) {
      world_.Violation(absl::StrCat("answered, and begun ", turns, " times"));
    }
    return;
  }
  const FailureKind kind = KindOf(outcome.status);
  if (allowed_.count(kind) == 0) {
    world_.Violation(absl::StrCat("tell ", tell.id,
                                  " fails, and nothing that happened explains it: ", KindName(kind),
                                  ": ", outcome.status.message()));
  }
  // A copy of the store may be older than the tell: then nobody here knows that the host has it.
  if (kind == v1::FAILURE_UNREACHABLE && turns > 0 && !put_back_) {
    world_.Violation("claude has a tell that failed because the host was out of reach");
  }
  if (!absl::StartsWith(right, *outcome.answer)) {
    world_.Violation(absl::StrCat("the partial answer to ", tell.id, " is [", *outcome.answer,
                                  "], no beginning of [", right, "]"));
  }
}

void Schedule::CheckStore() {
  for (const SimTell& tell : tells_) {
    const absl::optional<StoredTell> stored = coordinator_->Find(tell.id);
    if (put_back_) continue;  // It has what the copy had, and nothing of that is open.
    if (!stored.has_value() || stored->state != TellState::kSettled) {
      world_.Violation(absl::StrCat("tell ", tell.id, " is not settled in the store"));
    } else if (stored->answer != *tell.outcome->answer ||
               KindOf(stored->outcome) != KindOf(tell.outcome->status)) {
      world_.Violation(absl::StrCat("the store has another outcome of tell ", tell.id));
    }
  }
}

void Schedule::CheckOrder() {
  for (const auto& [id, turns] : host_->claudes().turns) {
    if (turns > 1) world_.Violation(absl::StrCat("claude began ", id, " ", turns, " times"));
  }
  auto next = accepted_.begin();
  for (const std::string& id : host_->claudes().order) {
    if (in_any_order_.count(id) > 0) continue;
    next = std::find(next, accepted_.end(), id);
    if (next == accepted_.end()) {
      return world_.Violation(absl::StrCat("claude began ", id, " out of order"));
    }
  }
}

}  // namespace iris::simulation
