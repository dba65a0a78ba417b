// What is done now and then, whatever happens: the store's housekeeping, and messages that have
// waited for too long where no attempt comes that would say so.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/kept/answers_kept.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/transport/host_away.h"

namespace iris {
namespace {

constexpr absl::Duration kGiveBackAgain = absl::Milliseconds(100);

absl::Status NobodyAsked() {
  return MakeFailure(
      v1::FAILURE_DROPPED,
      absl::StrCat("nobody whose variables the team's passEnv could take asked in the ",
                   kAnswersKeptDays, " days that the message waited"),
      "Send it again.");
}

}  // namespace

void Orchestrator::KeepHouseNowAndThen() {
  house_timer_ = loop_.After(limits_.housekeeping, [this] {
    const absl::Status kept = store_.KeepHouse();
    if (!kept.ok()) LogWarn("keeping house in the store: ", kept.message());
    GiveBackRoom();
    EndWhatFoundNoWay();
    EndOverdue();
    KeepHouseNowAndThen();
  });
}

// A little at a time: others on the loop have their turn.
void Orchestrator::GiveBackRoom() {
  const absl::StatusOr<bool> more = store_.GiveBackRoom();
  if (!more.ok()) LogWarn("giving room back: ", more.status().message());
  if (!more.ok() || !*more) return;
  loop_.After(kGiveBackAgain, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) GiveBackRoom();
  });
}

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
      End(tell_id, end);
    }
    LetGoOfWaits(queue);
    TellPlaces(queue);
    PostStartNext(session_id);
  }
}

absl::Status Orchestrator::EndIfOverdue(const std::string& tell_id, const Queue& queue) const {
  const auto open = open_.find(tell_id);
  if (open == open_.end() || open->second.given || !IsOverdue(open->second)) {
    return absl::OkStatus();
  }
  if (queue.awaits.has_value() && queue.away.has_value()) {
    HostAway away = *queue.away;
    away.asker_is_newer = false;
    return EndOf(open->second, away);
  }
  const bool is_first = tell_id == queue.waiting.front();
  return is_first && WaitsForAsker(queue) ? NobodyAsked() : absl::OkStatus();
}

}  // namespace iris
