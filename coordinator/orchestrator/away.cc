// Hosts that are out of reach: what no host has got waits for its own, at the front of the line and
// without a process, and nobody else does.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/post_note.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

LeftMessage Orchestrator::LeftOf(const AcceptedTell& tell, const HostAway& away) const {
  return tell.Left(away, store_.Now(), limits_.host_wait_max);
}

absl::Status Orchestrator::EndOf(const AcceptedTell& tell, const HostAway& away) const {
  return iris::EndWhileAway(LeftOf(tell, away), away);
}

absl::Status Orchestrator::EndOfSent(const std::string& id_on_host, const HostAway& away) const {
  auto* const open = tells_.Find(tells_.TellOf(id_on_host));
  return open == nullptr ? away.why : EndOf(*open, away);
}

// The last moment before it is sent: where this life ends now, the next one takes it for given.
bool Orchestrator::MayGive(const std::string& id_on_host) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell == nullptr) return false;
  if (tell->giving().is_queued()) MarkRunning(tell->id());
  // Who heard that the store does not take it may have ended it.
  AcceptedTell* const marked = tells_.FindSent(id_on_host);
  return marked != nullptr && marked->giving().Give();
}

void Orchestrator::MarkRunning(const std::string& tell_id) {
  const uint64_t round = tells_.At(tell_id).giving().BeginMark();
  const auto inside = std::make_shared<bool>(true);
  store_.Post([tell_id](Store& store) { return store.MarkRunning(tell_id); },
              [this, alive = alive_.Watch(), tell_id, round, inside](const absl::Status& marked) {
                const bool is_here = alive && OnMarked(tell_id, round, marked);
                if (!is_here || *inside) return;
                PooledSession* const session = queues_[tells_.At(tell_id).session_id()].session;
                if (session != nullptr) session->GiveNow();
              });
  *inside = false;
}

// False: it was taken back meanwhile, or is over, or is not marked.
bool Orchestrator::OnMarked(const std::string& tell_id, uint64_t round,
                            const absl::Status& marked) {
  auto* const open = tells_.Find(tell_id);
  if (open == nullptr || !open->giving().OnMarked(round, marked.ok())) return false;
  if (marked.ok()) return true;
  tells_.SetProgress(tell_id, NotStoredProgress("the message cannot be taken up yet", marked));
  return false;
}

void Orchestrator::PostAway(const std::string& session_id, const HostAway& away) {
  loop_.Post([this, alive = alive_.Watch(), session_id, away] {
    if (!alive || tells_.has_left()) return;
    Queue& queue = queues_[session_id];
    TakeBack(queue);
    queue.away = away;
    EndWhatDoesNotWait(queue, away);
    const bool is_tried_again = absl::c_any_of(queue.waiting, [&](const std::string& waiting) {
      return IsTriedAgain(LeftOf(tells_.At(waiting), away), away);
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
  auto* const open = tells_.Find(queue.in_flight);
  if (open == nullptr || open->is_over() || open->cancels() > 0) return;
  if (!queue.session->Withdraw(open->id_on_host())) return;
  // Where it was to be given at once it is stored as running. What is not stored now, a later life
  // takes for given, which it has to be able to do anyway.
  open->giving().TakeBack();
  PostNote(store_, absl::StrCat("that tell ", open->id(), " waits again"),
           [tell_id = open->id()](Store& store) { return store.MarkQueued(tell_id); });
  queue.waiting.push_front(std::exchange(queue.in_flight, ""));
  queue.awaits.emplace();
}

// Whoever stands behind a message that waits is not to wait with it unheard.
void Orchestrator::EndWhatDoesNotWait(Queue& queue, const HostAway& away) {
  const absl::Status there = CheckStillThere(queue);
  std::deque<std::string> stay;
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const std::string& waiting : queue.waiting) {
    AcceptedTell& tell = tells_.At(waiting);
    absl::Status end = there.ok() ? EndOf(tell, away) : NoWay(there, tell.given());
    // What would be tried with its own environment is not, before the one in front has gone: that
    // may be days.
    const bool is_stuck = !stay.empty() && !away.retries && !away.asker_is_newer &&
                          tell.asker().is_sender() && !tell.wait_for_host();
    if (end.ok() && is_stuck) end = away.why;
    if (tell.given() || end.ok()) {
      stay.push_back(waiting);
      if (away.retries) tell.NoteHostWait();
      // What was lent does not serve; whoever asks next may have more, and may also where a login
      // with it is still to come.
      const bool is_blocked = !away.retries && !away.asker_is_newer;
      if (is_blocked) tell.asker().DidNotServe(/*login_comes=*/away.login_in.has_value());
    } else {
      ends.emplace_back(waiting, std::move(end));
    }
  }
  queue.waiting = std::move(stay);
  for (const auto& [tell_id, end] : ends) settling_.End(tell_id, end);
}

absl::Status Orchestrator::CheckStillThere(const Queue& queue) {
  return teams_.CheckStillThere(Caller::Named(queue.session->from()), queue.session->to(),
                                EnvironmentOfNow(queue));
}

void Orchestrator::LetGoOfWaits(Queue& queue) {
  if (!queue.waiting.empty()) return;
  queue.awaits.reset();
  queue.away.reset();
  queue.session->StopAwaiting();
  if (!queue.wakes.waiting()) pool_.LeaveLine(queue.session->session_id());
}

}  // namespace iris
