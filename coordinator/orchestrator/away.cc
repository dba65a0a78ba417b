// Hosts that are out of reach: what no host has got waits for its own, at the front of the line and
// without a process, and nobody else does.

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
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

absl::Status Orchestrator::EndOfSent(const std::string& id_on_host, const HostAway& away) const {
  const auto open = open_.find(host_ids_.TellOf(id_on_host));
  return open == open_.end() ? away.why : EndOf(open->second, away);
}

// The last moment before it is sent: where this life ends now, the next one takes it for given.
bool Orchestrator::MayGive(const std::string& id_on_host) {
  auto* const open = FindSent(id_on_host);
  if (open == nullptr) return false;
  const OpenTell& tell = open->second;
  if (!tell.stored_as_running && !tell.is_being_marked) MarkRunning(open->first);
  auto* const marked = FindSent(id_on_host);
  if (marked == nullptr || !marked->second.stored_as_running) return false;
  return marked->second.given = true;
}

void Orchestrator::MarkRunning(const std::string& tell_id) {
  OpenTell& tell = open_[tell_id];
  tell.is_being_marked = true;
  const auto inside = std::make_shared<bool>(true);
  store_.Post([tell_id](Store& store) { return store.MarkRunning(tell_id); },
              [this, alive = alive_.Watch(), tell_id, round = tell.mark_round,
               inside](const absl::Status& marked) {
                const bool is_here = alive && OnMarked(tell_id, round, marked);
                if (!is_here || *inside) return;
                PooledSession* const session = queues_[open_[tell_id].session_id].session;
                if (session != nullptr) session->GiveNow();
              });
  *inside = false;
}

// False: it was taken back meanwhile, or is over, or is not marked.
bool Orchestrator::OnMarked(const std::string& tell_id, uint64_t round,
                            const absl::Status& marked) {
  const auto open = open_.find(tell_id);
  if (open == open_.end() || open->second.mark_round != round) return false;
  open->second.is_being_marked = false;
  open->second.stored_as_running = marked.ok();
  if (marked.ok()) return true;
  SetProgress(tell_id, NotStoredProgress("the message cannot be taken up yet", marked));
  return false;
}

void Orchestrator::PostAway(const std::string& session_id, const HostAway& away) {
  loop_.Post([this, alive = alive_.Watch(), session_id, away] {
    if (!alive || leaving_) return;
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
    ReportPlaces(queue);
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
  open->second.stored_as_running = open->second.is_being_marked = false;
  ++open->second.mark_round;
  Note(absl::StrCat("that tell ", open->first, " waits again"),
       [tell_id = open->first](Store& store) { return store.MarkQueued(tell_id); });
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
  return CheckTeams(Caller::Named(queue.session->from()), queue.session->to(), **config);
}

void Orchestrator::LetGoOfWaits(Queue& queue) {
  if (!queue.waiting.empty()) return;
  queue.awaits.reset();
  queue.away.reset();
  queue.session->StopAwaiting();
  if (!queue.wakes.waiting()) pool_.LeaveLine(queue.session->session_id());
}

}  // namespace iris
