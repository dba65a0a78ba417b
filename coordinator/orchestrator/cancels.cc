#include "coordinator/orchestrator/cancels.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/check_found.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/store/store.h"
#include "coordinator/store/stored.h"

namespace iris {
namespace {

v1::CancelTellOfResponse WasSettled(const absl::Status& outcome) {
  v1::CancelTellOfResponse response;
  response.set_was_settled(true);
  if (!outcome.ok()) *response.mutable_failure() = ToProto(outcome);
  return response;
}

}  // namespace

void Cancels::Cancel(const std::string& tell_id, const Caller& caller, Done done) {
  if (arrivals_.Has(tell_id)) {
    const absl::Status waits = arrivals_.WaitBehind(
        tell_id, [this, tell_id, caller, done] { Cancel(tell_id, caller, done); });
    if (!waits.ok()) loop_.Post([done, waits] { done(waits); });
    return;
  }
  absl::StatusOr<v1::CancelTellOfResponse> known = Begin(tell_id, caller, done);
  if (done != nullptr) {
    loop_.Post([done = std::move(done), known = std::move(known)] { done(known); });
  }
}

// Takes `done` where what becomes of the tell is not known yet.
absl::StatusOr<v1::CancelTellOfResponse> Cancels::Begin(const std::string& tell_id,
                                                        const Caller& caller, Done& done) {
  const absl::StatusOr<absl::optional<StoredTellSummary>> stored = store_.FindSummary(tell_id);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = CheckFound(*stored, tell_id, caller); !status.ok()) return status;
  if ((*stored)->state == TellState::kSettled) return WasSettled((*stored)->outcome);
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr) return Leaving();
  if (tell->cancels() >= callers_max_) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(callers_max_, " callers cancel this message already"));
  }
  tell->AddCancel(std::exchange(done, nullptr));
  if (tell->is_over()) return v1::CancelTellOfResponse();
  SessionLine* const line = lines_.Find(tell->session_id());
  if (line == nullptr) {  // There is no way to its team yet.
    owed_.EndQueued(*tell, /*session=*/nullptr);
  } else if (line->order().in_flight() != tell_id) {
    line->CancelQueued(tell_id);
  } else if (tell->cancels() == 1) {
    line->CancelInFlight(*tell);
  }
  return v1::CancelTellOfResponse();
}

absl::Status Cancels::TakeUpEarlier() {
  const absl::StatusOr<std::vector<Store::PendingCancel>> cancels = store_.Cancels();
  if (!cancels.ok()) return cancels.status();
  for (const Store::PendingCancel& cancel : *cancels) {
    if (tells_.Find(cancel.tell_id) != nullptr) {  // It was not settled any more.
      Cancel(cancel.tell_id, Caller::CommandLine(),
             [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
      continue;
    }
    owed_.Owe(cancel);
    // Which passes it on; or there is no way to the team before somebody finds one.
    const absl::StatusOr<SessionLine*> line = ways_.FindAgain(cancel.from, cancel.to, nullptr);
    if (line.ok()) continue;
    if (SaysNothingOfTheTeam(line.status())) return line.status();
    LogWarn("a cancelled tell of ", cancel.to, " to pass on: ", line.status().message());
  }
  return absl::OkStatus();
}

}  // namespace iris
