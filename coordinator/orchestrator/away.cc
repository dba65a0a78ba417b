// Hosts that are out of reach: what no host has got waits for its own, at the front of the line and
// without a process, and nobody else does.

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

LeftMessage Orchestrator::LeftOf(const OpenTell& tell, const HostAway& away) const {
  return {
      .wait_for_host = tell.wait_for_host && away.is_remote,
      .is_overdue = IsOverdue(tell),
      .is_of_sender = tell.is_of_sender && IsSame(tell.environment, away.environment),
      // What an earlier life took has waited there, most likely.
      .has_waited = tell.has_waited || tell.may_be_there,
  };
}

absl::Status Orchestrator::EndOf(const OpenTell& tell, const HostAway& away) const {
  return iris::EndWhileAway(LeftOf(tell, away), away);
}

absl::Status Orchestrator::EndWhileAway(const std::string& id_on_host, const HostAway& away) const {
  const auto sent = sent_again_.find(id_on_host);
  const auto open = open_.find(sent == sent_again_.end() ? id_on_host : sent->second);
  return open == open_.end() ? away.why : EndOf(open->second, away);
}

// The last moment before it is sent: where this life ends now, the next one takes it for given.
bool Orchestrator::MayGive(const std::string& id_on_host) {
  auto* const open = FindSent(id_on_host);
  if (open == nullptr) return false;
  const absl::Status marked = store_.MarkRunning(open->first);
  if (marked.ok()) return open->second.given = true;
  SetProgress(open->first, NotStoredProgress("the message cannot be taken up yet", marked));
  return false;
}

void Orchestrator::OnSessionAway(const std::string& session_id, const HostAway& away) {
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), session_id, away] {
    if (alive.expired() || leaving_) return;
    Queue& queue = queues_[session_id];
    TakeBack(queue);
    queue.away = away;
    EndWhatDoesNotWait(queue, away);
    const bool is_tried_again = absl::c_any_of(queue.waiting, [&](const std::string& waiting) {
      return IsTriedAgain(LeftOf(open_[waiting], away), away);
    });
    if (queue.awaits.has_value() && !queue.waiting.empty()) {
      queue.awaits = ToProto({.stage = TransportProgress::Stage::kConnecting,
                              .text = WhyItWaits(away, is_tried_again)});
    }
    TellPlaces(queue);
    LetGoOfWaits(queue);
    // What is wrong may be the name of the host: what somebody mended counts from the next attempt.
    if (!queue.in_flight.empty() || queue.awaits.has_value()) UseSettingsOfNow(queue);
    LendWhatIsNext(queue);
    if (is_tried_again) queue.session->TryLater();
  });
}

// One that somebody cancels is settled by the transport, in a moment.
void Orchestrator::TakeBack(Queue& queue) {
  const auto open = open_.find(queue.in_flight);
  if (open == open_.end() || open->second.outcome.has_value() || !open->second.cancels.empty()) {
    return;
  }
  if (!queue.session->Withdraw(IdOnHost(open->first, open->second.limit_waits))) return;
  open->second.given = false;
  // Where it was to be given at once it is stored as running. What is not stored now, a later life
  // takes for given, which it has to be able to do anyway.
  const absl::Status queued = store_.MarkQueued(open->first);
  if (!queued.ok()) LogWarn("that tell ", open->first, " waits again: ", queued.message());
  queue.waiting.push_front(std::exchange(queue.in_flight, ""));
  queue.awaits.emplace();
}

// Whoever stands behind a message that waits is not to wait with it unheard.
void Orchestrator::EndWhatDoesNotWait(Queue& queue, const HostAway& away) {
  const absl::Status there = CheckStillThere(queue);
  std::deque<std::string> stay;
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const std::string& waiting : queue.waiting) {
    OpenTell& tell = open_[waiting];
    absl::Status end = there.ok() ? EndOf(tell, away) : NoWay(there, tell.given);
    // What would be tried with its own environment is not, before the one in front has gone: that
    // may be days.
    const bool is_stuck = !stay.empty() && !away.retries && !away.asker_is_newer &&
                          tell.is_of_sender && !tell.wait_for_host;
    if (end.ok() && is_stuck) end = away.why;
    if (tell.given || end.ok()) {
      stay.push_back(waiting);
      tell.has_waited |= away.retries;
      // What was lent does not serve; whoever asks next may have more, and may also where a login
      // with it is still to come.
      const bool is_blocked = !away.retries && !away.asker_is_newer;
      if (is_blocked && !tell.is_of_sender) {
        tell.is_untried = away.login_in.has_value();
        if (!tell.is_untried) tell.environment = nullptr;
      }
    } else {
      ends.emplace_back(waiting, std::move(end));
    }
  }
  queue.waiting = std::move(stay);
  for (const auto& [tell_id, end] : ends) End(tell_id, end);
}

absl::Status Orchestrator::CheckStillThere(const Queue& queue) {
  const absl::StatusOr<std::shared_ptr<const Config>> config =
      config_.Current(EnvironmentOfNow(queue));
  if (!config.ok() || (*config)->FindTeam(queue.session->to()) != nullptr) return absl::OkStatus();
  return CheckTeams(queue.session->from(), queue.session->to(), **config);
}

void Orchestrator::OnSessionBack(const std::string& session_id) {
  queues_[session_id].awaits.reset();
  queues_[session_id].away.reset();
  PostStartNext(session_id);
}

void Orchestrator::LetGoOfWaits(Queue& queue) {
  if (!queue.waiting.empty()) return;
  queue.awaits.reset();
  queue.away.reset();
  queue.session->StopAwaiting();
  if (queue.wakes_waiting.empty()) pool_.LeaveLine(queue.session->session_id());
}

}  // namespace iris
