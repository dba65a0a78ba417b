// Waits that would go on for ever are refused when the last of them comes: a new tell, or an answer
// that is fetched by its id.

#include <string>

#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/turn_waits.h"
#include "coordinator/orchestrator/wait_cycles.h"

namespace iris {

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
  turn_waits_.AddTo(
      waits, [this](const std::string& session_id) { return TurnOf(session_id); },
      [this](const std::string& tell_id) { return tells_.IsOver(tell_id); });
  arrivals_.ForEachBeingStored([&](const TellSpec& spec, const std::string& session_id) {
    const std::string asker_session = spec.waiting_session();
    if (!TurnOf(asker_session).empty()) waits.AddQuestion(asker_session, session_id);
  });
  return waits;
}

absl::Status Orchestrator::CheckNewWait(const TellSpec& spec, const Queue& asked) const {
  const NewWait wait = {.asker = spec.waiting_session(),
                        .turn = TurnOf(spec.waiting_session()),
                        .asked = asked.session->session_id(),
                        .to = spec.to,
                        .tell_id = spec.tell_id};
  if (wait.turn.empty()) return absl::OkStatus();
  return CheckWaitForNew(wait, WaitsOfNow(), pool_.processes_max());
}

absl::Status Orchestrator::CheckWaitFor(const StoredTell& tell,
                                        const std::string& asker_session) const {
  const NewWait wait = {.asker = asker_session,
                        .turn = TurnOf(asker_session),
                        .asked = tell.session_id,
                        .to = tell.to,
                        .tell_id = tell.tell_id};
  if (wait.turn.empty() || tell.state == TellState::kSettled) return absl::OkStatus();
  auto* const open = tells_.Find(tell.tell_id);
  if (open != nullptr && open->is_over()) return absl::OkStatus();
  if (turn_waits_.Waits(tell.tell_id, wait.asker, wait.turn)) return absl::OkStatus();
  return CheckWaitForKnown(wait, WaitsOfNow(), pool_.processes_max());
}

void Orchestrator::KeepAsker(const std::string& tell_id, const std::string& asker_session,
                             const TellObserver* observer) {
  auto* const open = tells_.Find(tell_id);
  const std::string turn = TurnOf(asker_session);
  if (open == nullptr || turn.empty()) return;
  turn_waits_.Add(tell_id, open->session_id(), observer, asker_session, turn);
}

}  // namespace iris
