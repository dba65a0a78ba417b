// What has to hold, whatever was thrown at it.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulation/schedule_run.h"

namespace iris::simulation {
namespace {

// Of both ends in kSettled: keep-alives, and what they have a slow wire carry.
constexpr uint64_t kRestStepsMax = 50'000;

}  // namespace

// So that one run of a seed, on whatever machine, says why.
void Schedule::Violation(const SimTell& tell, absl::string_view what) {
  std::string how = absl::StrCat(what, "\n  what happened last:\n", world_.LastNotes());
  const std::string session_id = senders_[tell.sender].watch->last().SessionOf(tell.id);
  for (size_t sender = 0; sender < senders_.size() && !session_id.empty(); ++sender) {
    absl::StrAppend(&how, "  what coordinator ", sender, " had last of session ", session_id,
                    sender == tell.sender ? ", which is the sender's" : "", ":\n",
                    senders_[sender].watch->last().Of(session_id));
  }
  world_.Violation(how);
}

void Schedule::CheckOutcome(const SimTell& tell, const TellOutcome& outcome) {
  const std::string right = AnswerTo(tell.text);
  const int turns = host_->claudes().turns.count(tell.id) > 0 ? host_->claudes().turns[tell.id] : 0;
  if (outcome.status.ok()) {
    if (*outcome.answer != right) {
      Violation(tell, absl::StrCat("the answer to ", tell.id, " is [", *outcome.answer,
                                   "] in the place of [", right, "]"));
    }
    const bool is_forgotten = turns == 0 && forgotten_.count(tell.id) > 0;
    if (turns != 1 && !is_forgotten) {
      Violation(tell, absl::StrCat("answered, and begun ", turns, " times"));
    }
    if (host_->claudes().cut_off.count(tell.id) > 0) {
      Violation(tell, "answered, and a permission was lost in its turn");
    }
    return;
  }
  const FailureKind kind = KindOf(outcome.status);
  if (!IsExplained(tell, kind)) {
    Violation(tell, absl::StrCat("tell ", tell.id,
                                 " fails, and nothing that happened explains it: ", KindName(kind),
                                 ": ", outcome.status.message()));
  }
  // A copy of the store may be older than the tell: then nobody here knows that the host has it.
  if (kind == v1::FAILURE_UNREACHABLE && turns > 0 && !put_back_) {
    Violation(tell, "claude has a tell that failed because the host was out of reach");
  }
  if (!absl::StartsWith(right, *outcome.answer)) {
    Violation(tell, absl::StrCat("the partial answer to ", tell.id, " is [", *outcome.answer,
                                 "], no beginning of [", right, "]"));
  }
}

bool Schedule::IsExplained(const SimTell& tell, FailureKind kind) {
  if (allowed_.count(kind) > 0) return true;
  if (kind == v1::FAILURE_PERMISSION_DENIED) return host_->claudes().cut_off.count(tell.id) > 0;
  return kind == v1::FAILURE_AMBIGUOUS && OtherHasItsBeginning(tell);
}

// A session that was taken from its sender and taken back: the beginning of the turn, or all of it,
// was acknowledged by the other coordinator in between, and is gone. (Where all of it is gone and
// claude answered, the transcript has it.)
bool Schedule::OtherHasItsBeginning(const SimTell& tell) const {
  const StreamWatch::Lack* const lack = senders_[tell.sender].watch->LackOf(tell.id);
  if (lack == nullptr) return false;
  for (size_t sender = 0; sender < senders_.size(); ++sender) {
    if (sender != tell.sender && senders_[sender].watch->Acknowledged(*lack)) return true;
  }
  return false;
}

void Schedule::CheckStore() {
  for (const SimTell& tell : tells_) {
    const absl::optional<StoredTell> stored = senders_[tell.sender].coordinator->Find(tell.id);
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
  for (size_t sender = 0; sender < senders_.size(); ++sender) {
    for (size_t team = 0; team < plan_.links; ++team) CheckOrderOf(sender, team);
  }
}

void Schedule::CheckOrderOf(size_t sender, size_t team) {
  auto next = accepted_.begin();
  for (const std::string& id : host_->claudes().order) {
    const bool is_theirs = std::any_of(tells_.begin(), tells_.end(), [&](const SimTell& tell) {
      return tell.id == id && tell.sender == sender && tell.team == team;
    });
    if (!is_theirs || in_any_order_.count(id) > 0) continue;
    next = std::find(next, accepted_.end(), id);
    if (next == accepted_.end()) {
      return world_.Violation(absl::StrCat("claude began ", id, " out of order"));
    }
  }
}

// What goes on when all has been heard of is keep-alives.
void Schedule::CheckRest() {
  while (world_.now() < disturbed_until_ + kSettled && Step()) {
  }
  uint64_t steps = 0;
  const absl::Duration end = world_.now() + kSettled;
  while (world_.now() < end && steps <= kRestStepsMax && Step()) ++steps;
  if (steps > kRestStepsMax) {
    world_.Violation("nothing is left to do, and there is no rest");
  }
  for (const Sender& sender : senders_) {
    if (!sender.coordinator->up()) continue;
    for (const std::string& id : sender.coordinator->OpenTells()) {
      world_.Violation(absl::StrCat("tell ", id, " is open long after it was heard of"));
    }
  }
  // What a coordinator had under way that lost the session, the other one may never look at.
  if (plan_.takeovers) return;
  for (const std::shared_ptr<Claude>& claude : host_->running()) {
    if (claude->busy()) world_.Violation("a claude is at work long after the last tell was heard");
  }
  for (const std::string& request_id : host_->claudes().asking) {
    world_.Violation(absl::StrCat(request_id, " still waits for its answer"));
  }
}

}  // namespace iris::simulation
