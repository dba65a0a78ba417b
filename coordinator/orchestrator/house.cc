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
    Note("keeping house in the store", [](Store& store) { return store.KeepHouse(); });
    GiveBackRoom();
    EndWhatFoundNoWay();
    EndOverdue();
    KeepHouseNowAndThen();
  });
}

// A little at a time: others on the loop have their turn.
void Orchestrator::GiveBackRoom() {
  const auto more = std::make_shared<bool>(false);
  store_.Post(
      [more](Store& store) {
        const absl::StatusOr<bool> there_is_more = store.GiveBackRoom();
        *more = there_is_more.ok() && *there_is_more;
        return there_is_more.status();
      },
      [this, alive = std::weak_ptr<bool>(alive_), more](const absl::Status& given_back) {
        if (!given_back.ok()) LogWarn("giving room back: ", given_back.message());
        if (!*more || alive.expired()) return;
        loop_.After(kGiveBackAgain, [this, alive] {
          if (!alive.expired()) GiveBackRoom();
        });
      },
      /*bytes=*/0, StoreQueue::Company::kNone);
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
