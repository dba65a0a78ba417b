#include "coordinator/orchestrator/team_trouble.h"

#include "common/failure/failure.h"

namespace iris {
namespace {

bool IsOfStart(FailureKind kind) {
  return kind == v1::FAILURE_CLAUDE_MISSING || kind == v1::FAILURE_NOT_EXECUTABLE ||
         kind == v1::FAILURE_BAD_REQUEST || kind == v1::FAILURE_WRONG_HOST ||
         kind == v1::FAILURE_PERMISSION_DENIED;
}

// A child that starts says nothing of it.
bool IsOfTurn(FailureKind kind) {
  return kind == v1::FAILURE_CLAUDE_NOT_LOGGED_IN || kind == v1::FAILURE_RATE_LIMITED ||
         kind == v1::FAILURE_STORAGE;
}

}  // namespace

void TeamTrouble::OnReady() {
  if (!IsOfTurn(KindOf(status_))) status_ = absl::OkStatus();
}

void TeamTrouble::OnDown(const absl::Status& why) {
  if (IsOfStart(KindOf(why))) status_ = why;
}

void TeamTrouble::OnSettled(const absl::Status& outcome) {
  const FailureKind kind = KindOf(outcome);
  if (outcome.ok() || IsOfStart(kind) || IsOfTurn(kind)) status_ = outcome;
}

}  // namespace iris
