// Waits that would go on for ever are refused when the last of them comes: a new tell, or an answer
// that is fetched by its id.

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/wait_cycles.h"

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

std::string Orchestrator::TurnOf(const std::string& asker_session) const {
  if (asker_session.empty()) return "";
  const auto asker = queues_.find(asker_session);
  return asker == queues_.end() ? "" : asker->second.in_flight;
}

WaitCycles Orchestrator::WaitsOfNow() const {
  WaitCycles waits;
  for (const auto& [session_id, queue] : queues_) {
    if (queue.session == nullptr) continue;
    waits.AddSession(session_id, {.in_turn = !queue.in_flight.empty(),
                                  .has_process = queue.session->has_process()});
  }
  for (const auto& [tell_id, tell] : open_) {
    if (tell.outcome.has_value()) continue;
    for (const WaitingTurn& asker : tell.askers) {
      // A front end may outlive the turn that it was started in.
      if (TurnOf(asker.session) == asker.turn) waits.AddQuestion(asker.session, tell.session_id);
    }
  }
  arrivals_.ForEachBeingStored([&](const TellSpec& spec, const std::string& session_id) {
    const std::string asker_session = spec.waiting_session();
    if (!TurnOf(asker_session).empty()) waits.AddQuestion(asker_session, session_id);
  });
  return waits;
}

absl::Status Orchestrator::CheckNewWait(const TellSpec& spec, const Queue& asked) const {
  const std::string asker_session = spec.waiting_session();
  const std::string turn = TurnOf(asker_session);
  if (turn.empty()) return absl::OkStatus();
  const WaitCycles waits = WaitsOfNow();
  if (waits.WouldWaitForItself(asker_session, asked.session->session_id())) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat(spec.to, " is waiting, perhaps through others, for the answer to message ",
                     turn, ", in whose turn this one is sent: it would wait for itself"),
        absl::StrCat("Answer first: put into the answer what there is to ask. Or ",
                     kSendWithoutWaiting));
  }
  if (waits.WouldWaitForProcess(asker_session, pool_.processes_max())) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(AllProcessesWait(pool_.processes_max()), "message ",
                                    spec.tell_id, ", or what it waits for"),
                       absl::StrCat("Raise settings.maxProcesses. Or answer without asking, or ",
                                    kSendWithoutWaiting));
  }
  return absl::OkStatus();
}

absl::Status Orchestrator::CheckWaitFor(const StoredTell& tell,
                                        const std::string& asker_session) const {
  const std::string turn = TurnOf(asker_session);
  if (turn.empty() || tell.state == TellState::kSettled) return absl::OkStatus();
  const auto open = open_.find(tell.tell_id);
  if (open != open_.end()) {
    if (open->second.outcome.has_value()) return absl::OkStatus();
    const bool waits_already = std::any_of(
        open->second.askers.begin(), open->second.askers.end(), [&](const WaitingTurn& asker) {
          return asker.session == asker_session && asker.turn == turn;
        });
    if (waits_already) return absl::OkStatus();
  }
  const WaitCycles waits = WaitsOfNow();
  if (waits.WouldWaitForItself(asker_session, tell.session_id)) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat("message ", tell.tell_id, " to ", tell.to,
                     " waits, perhaps through others, for the end of the turn of message ", turn,
                     ", in which its answer is waited for: it would wait for itself"),
        EndTheTurn(tell.tell_id));
  }
  if (waits.WouldWaitForProcess(asker_session, pool_.processes_max())) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(AllProcessesWait(pool_.processes_max()), "message ",
                                    tell.tell_id, ", or what it waits for"),
                       EndTheTurn(tell.tell_id));
  }
  return absl::OkStatus();
}

void Orchestrator::KeepAsker(const std::string& tell_id, const std::string& asker_session,
                             const TellObserver* observer) {
  const auto open = open_.find(tell_id);
  const std::string turn = TurnOf(asker_session);
  if (open == open_.end() || turn.empty()) return;
  open->second.askers.push_back({.observer = observer, .session = asker_session, .turn = turn});
}

}  // namespace iris
