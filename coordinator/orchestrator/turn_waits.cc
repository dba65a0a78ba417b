#include "coordinator/orchestrator/turn_waits.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

std::string AllProcessesWait(size_t processes_max) {
  return absl::StrCat("all ", processes_max,
                      " processes (settings.maxProcesses) are of teams that wait for other teams' "
                      "answers: none would become free for ");
}

// Fetching the answer by its id in the same turn would be the same wait.
constexpr char kSendWithoutWaiting[] =
    "send it without waiting (quick_message, or `iris tell --detach`), and read its answer in a "
    "later turn, not in this one.";

std::string EndTheTurn(const std::string& tell_id) {
  return absl::StrCat(
      "End your turn without this answer. The team keeps working, and the answer "
      "is kept: read it in a later turn with tell_wait, or `iris tells ",
      tell_id, "`.");
}

}  // namespace

void TurnWaits::Add(const std::string& tell_id, const std::string& asked,
                    const TellObserver* observer, const std::string& asker,
                    const std::string& turn) {
  by_tell_[tell_id].push_back({.observer = observer, .asked = asked, .asker = asker, .turn = turn});
}

void TurnWaits::Remove(const std::string& tell_id, const TellObserver* observer) {
  const auto waits = by_tell_.find(tell_id);
  if (waits == by_tell_.end()) return;
  std::erase_if(waits->second, [&](const Wait& wait) { return wait.observer == observer; });
  if (waits->second.empty()) by_tell_.erase(waits);
}

bool TurnWaits::Waits(const std::string& tell_id, const std::string& asker,
                      const std::string& turn) const {
  const auto waits = by_tell_.find(tell_id);
  return waits != by_tell_.end() && absl::c_any_of(waits->second, [&](const Wait& wait) {
           return wait.asker == asker && wait.turn == turn;
         });
}

void TurnWaits::AddTo(WaitCycles& waits, TurnOf turn_of,
                      absl::FunctionRef<bool(const std::string& tell_id)> is_over) const {
  for (const auto& [tell_id, of_tell] : by_tell_) {
    if (is_over(tell_id)) continue;
    for (const Wait& wait : of_tell) {
      if (turn_of(wait.asker) == wait.turn) waits.AddQuestion(wait.asker, wait.asked);
    }
  }
}

absl::Status CheckWaitForNew(const NewWait& wait, const WaitCycles& waits, size_t processes_max) {
  if (waits.WouldWaitForItself(wait.asker, wait.asked)) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat(wait.to, " is waiting, perhaps through others, for the answer to message ",
                     wait.turn, ", in whose turn this one is sent: it would wait for itself"),
        absl::StrCat("Answer first: put into the answer what there is to ask. Or ",
                     kSendWithoutWaiting));
  }
  if (waits.WouldWaitForProcess(wait.asker, processes_max)) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(AllProcessesWait(processes_max), "message ", wait.tell_id,
                                    ", or what it waits for"),
                       absl::StrCat("Raise settings.maxProcesses. Or answer without asking, or ",
                                    kSendWithoutWaiting));
  }
  return absl::OkStatus();
}

absl::Status CheckWaitForKnown(const NewWait& wait, const WaitCycles& waits, size_t processes_max) {
  if (waits.WouldWaitForItself(wait.asker, wait.asked)) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat("message ", wait.tell_id, " to ", wait.to,
                     " waits, perhaps through others, for the end of the turn of message ",
                     wait.turn, ", in which its answer is waited for: it would wait for itself"),
        EndTheTurn(wait.tell_id));
  }
  if (waits.WouldWaitForProcess(wait.asker, processes_max)) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(AllProcessesWait(processes_max), "message ", wait.tell_id,
                                    ", or what it waits for"),
                       EndTheTurn(wait.tell_id));
  }
  return absl::OkStatus();
}

}  // namespace iris
