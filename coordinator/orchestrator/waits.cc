// Tells that would wait for each other for ever are refused when the last of them comes.

#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/wait_cycles.h"

namespace iris {

absl::Status Orchestrator::CheckWaits(const TellSpec& spec, const Queue& asked) const {
  if (!spec.asker_waits || spec.asker_session.empty()) return absl::OkStatus();
  const auto asker = queues_.find(spec.asker_session);
  // Another coordinator's, a person's, or a turn that nobody waits for.
  if (asker == queues_.end() || asker->second.in_flight.empty()) return absl::OkStatus();
  WaitCycles waits;
  for (const auto& [session_id, queue] : queues_) {
    if (queue.session == nullptr) continue;
    waits.AddSession(session_id, {.in_turn = !queue.in_flight.empty(),
                                  .has_process = queue.session->has_process()});
  }
  for (const auto& [tell_id, tell] : open_) {
    if (tell.asker == nullptr || tell.outcome.has_value()) continue;
    const auto waiting = queues_.find(tell.asker_session);
    // A front end may outlive the turn that it was started in.
    const bool is_asked =
        waiting != queues_.end() && waiting->second.in_flight == tell.asker_turn;
    if (is_asked) waits.AddQuestion(tell.asker_session, tell.session_id);
  }
  const std::string& answers = asker->second.in_flight;
  const std::string asked_id = asked.session->session_id();
  if (waits.WouldWaitForItself(spec.asker_session, asked_id)) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat(spec.to, " is waiting, perhaps through others, for the answer to message ",
                     answers, ", in whose turn this one is sent: it would wait for itself"),
        "Answer first: put into the answer what there is to ask. Or send it without waiting "
        "(quick_message, or `iris tell --timeout -1`).");
  }
  if (waits.WouldWaitForProcess(spec.asker_session, asked_id, pool_.processes_max())) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat("all ", pool_.processes_max(),
                                    " processes (settings.maxProcesses) are of teams that wait for "
                                    "other teams' answers: none would become free for ",
                                    spec.to),
                       "Raise settings.maxProcesses. Or answer without asking, or send it without "
                       "waiting (quick_message, or `iris tell --timeout -1`).");
  }
  return absl::OkStatus();
}

void Orchestrator::KeepAsker(const TellSpec& spec, TellObserver* observer) {
  const auto open = open_.find(spec.tell_id);
  const auto asker = queues_.find(spec.asker_session);
  if (open == open_.end() || !spec.asker_waits || asker == queues_.end()) return;
  if (asker->second.in_flight.empty()) return;
  open->second.asker_session = spec.asker_session;
  open->second.asker_turn = asker->second.in_flight;
  open->second.asker = observer;
}

}  // namespace iris
