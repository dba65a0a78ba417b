#include "coordinator/orchestrator/endless_waits.h"

#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/session_line.h"

namespace iris {

WaitCycles EndlessWaits::WaitsOfNow() const {
  WaitCycles waits;
  lines_.ForEach([&](const SessionLine& line) {
    if (line.has_left()) return;
    waits.AddSession(line.session_id(), {.in_turn = line.order().is_busy(),
                                         .has_process = line.session().has_process()});
  });
  waits_.AddTo(
      waits, [this](const std::string& session_id) { return TurnOf(session_id); },
      [this](const std::string& tell_id) { return tells_.IsOver(tell_id); });
  arrivals_.ForEachBeingStored([&](const TellSpec& spec, const std::string& session_id) {
    const std::string asker_session = spec.waiting_session();
    if (!TurnOf(asker_session).empty()) waits.AddQuestion(asker_session, session_id);
  });
  return waits;
}

absl::Status EndlessWaits::CheckNew(const TellSpec& spec, const std::string& asked) const {
  const NewWait wait = {.asker = spec.waiting_session(),
                        .turn = TurnOf(spec.waiting_session()),
                        .asked = asked,
                        .to = spec.to,
                        .tell_id = spec.tell_id};
  if (wait.turn.empty()) return absl::OkStatus();
  return CheckWaitForNew(wait, WaitsOfNow(), lines_.processes_max());
}

absl::Status EndlessWaits::CheckKnown(const StoredTell& tell,
                                      const std::string& asker_session) const {
  const NewWait wait = {.asker = asker_session,
                        .turn = TurnOf(asker_session),
                        .asked = tell.session_id,
                        .to = tell.to,
                        .tell_id = tell.tell_id};
  if (wait.turn.empty() || tell.state == TellState::kSettled) return absl::OkStatus();
  const AcceptedTell* const open = tells_.Find(tell.tell_id);
  if (open != nullptr && open->is_over()) return absl::OkStatus();
  if (waits_.Waits(tell.tell_id, wait.asker, wait.turn)) return absl::OkStatus();
  return CheckWaitForKnown(wait, WaitsOfNow(), lines_.processes_max());
}

void EndlessWaits::Add(const std::string& tell_id, const std::string& asker_session,
                       const TellObserver* observer) {
  const AcceptedTell* const tell = tells_.Find(tell_id);
  const std::string turn = TurnOf(asker_session);
  if (tell == nullptr || turn.empty()) return;
  waits_.Add(tell_id, tell->session_id(), observer, asker_session, turn);
}

}  // namespace iris
