// What is looked at now and then: messages that have waited for too long where no attempt comes
// that would say so.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/kept/answers_kept.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/transport/host_away.h"

namespace iris {
namespace {

absl::Status NobodyAsked() {
  return MakeFailure(
      v1::FAILURE_DROPPED,
      absl::StrCat("nobody whose variables the team's passEnv could take asked in the ",
                   kAnswersKeptDays, " days that the message waited"),
      "Send it again.");
}

}  // namespace

// What waits for keys is not tried, and what waits for variables has no host to be tried.
void Orchestrator::EndOverdue() {
  for (auto& [session_id, queue] : queues_) {
    if (queue.session == nullptr || queue.waiting.empty()) continue;
    std::vector<std::pair<std::string, absl::Status>> ends;
    for (const std::string& waiting : queue.waiting) {
      absl::Status end = EndIfOverdue(waiting, queue);
      if (!end.ok()) ends.emplace_back(waiting, std::move(end));
    }
    if (ends.empty()) continue;
    for (const auto& [tell_id, end] : ends) {
      queue.waiting.erase(std::find(queue.waiting.begin(), queue.waiting.end(), tell_id));
      settling_.End(tell_id, end);
    }
    LetGoOfWaits(queue);
    ReportPlaces(queue);
    PostStartNext(session_id);
  }
}

absl::Status Orchestrator::EndIfOverdue(const std::string& tell_id, const Queue& queue) const {
  auto* const open = tells_.Find(tell_id);
  if (open == nullptr || open->given() || !IsOverdue(*open)) {
    return absl::OkStatus();
  }
  if (queue.awaits.has_value() && queue.away.has_value()) {
    HostAway away = *queue.away;
    away.asker_is_newer = false;
    return EndOf(*open, away);
  }
  const bool is_first = tell_id == queue.waiting.front();
  return is_first && WaitsForAsker(queue) ? NobodyAsked() : absl::OkStatus();
}

}  // namespace iris
