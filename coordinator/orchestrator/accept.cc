// How a tell comes in: it is looked for in the store, checked, stored, and then stands in its
// session's line. Whatever else comes for its id meanwhile waits for that.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {
namespace {

// Of all messages that are about to be sent to sessions that are ready.
constexpr size_t kTextsKeptBytesMax = 16 << 20;

}  // namespace

absl::Status Orchestrator::Tell(TellSpec spec, TellObserver* observer) {
  if (leaving_) return Leaving();
  if (absl::Status status = CheckTell(spec); !status.ok()) return status;
  if (arrivals_.count(spec.tell_id) > 0) return TellBehind(std::move(spec), observer);
  const auto arrival = std::make_shared<Arrival>();
  arrival->spec = std::move(spec);
  arrival->observer = observer;
  const std::string& tell_id = arrival->spec.tell_id;
  arrivals_[tell_id] = arrival;
  store_.Post(
      [arrival](Store& store) {
        absl::StatusOr<absl::optional<StoredTell>> found = store.FindTell(arrival->spec.tell_id);
        if (found.ok()) arrival->found = *std::move(found);
        return found.status();
      },
      [this, alive = std::weak_ptr<bool>(alive_), arrival](const absl::Status& looked) {
        if (!alive.expired()) OnLookedFor(*arrival, looked);
      },
      arrival->spec.text.size(), StoreQueue::Company::kNone);
  arrival->inside = false;
  return arrival->refused;
}

absl::Status Orchestrator::WaitBehind(Arrival& arrival, absl::AnyInvocable<void()> what) {
  if (arrival.then.size() >= limits_.observers_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(limits_.observers_max, " callers follow this message already"));
  }
  arrival.then.push_back(std::move(what));
  return absl::OkStatus();
}

// Its front end lost us, and comes again: the first one is heard of first.
absl::Status Orchestrator::TellBehind(TellSpec spec, TellObserver* observer) {
  Arrival& arrival = *arrivals_.at(spec.tell_id);
  const auto who = std::make_shared<TellObserver*>(observer);
  absl::Status waits = WaitBehind(arrival, [this, spec = std::move(spec), who]() mutable {
    if (*who == nullptr) return;
    const absl::Status told = Tell(std::move(spec), *who);
    if (!told.ok()) (*who)->OnRefused(told);
  });
  if (waits.ok()) arrival.behind.push_back(who);
  return waits;
}

void Orchestrator::ForgetArriving(const std::string& tell_id, const TellObserver* observer) {
  const auto arriving = arrivals_.find(tell_id);
  if (arriving == arrivals_.end()) return;
  Arrival& arrival = *arriving->second;
  if (arrival.observer == observer) arrival.observer = nullptr;
  for (const auto& who : arrival.behind) {
    if (*who == observer) *who = nullptr;
  }
}

bool Orchestrator::IsBeingStored(const std::string& tell_id) const {
  const auto arriving = arrivals_.find(tell_id);
  return arriving != arrivals_.end() && arriving->second->is_new;
}

void Orchestrator::OnLookedFor(Arrival& arrival, const absl::Status& looked) {
  if (!looked.ok()) return EndArrival(arrival, looked);
  if (leaving_) return EndArrival(arrival, Leaving());
  if (arrival.found.has_value()) {
    // Whoever went meanwhile needs no outcome.
    if (arrival.observer == nullptr) return EndArrival(arrival, absl::OkStatus());
    return EndArrival(arrival,
                      TellAgain(*std::move(arrival.found), arrival.spec, arrival.observer));
  }
  if (arrival.spec.accepted_before) return EndArrival(arrival, StoredAndGone(arrival.spec));
  const absl::StatusOr<Queue*> queue = CheckNew(arrival.spec);
  if (!queue.ok()) return EndArrival(arrival, queue.status());
  StoreNew(arrival, **queue);
}

absl::StatusOr<Orchestrator::Queue*> Orchestrator::CheckNew(const TellSpec& spec) {
  const absl::StatusOr<Queue*> found = QueueOf(spec.from, spec.to, spec.environment);
  if (!found.ok()) return found;
  const size_t waiting = (*found)->waiting.size() + (*found)->arriving;
  if (waiting >= limits_.waiting_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(waiting, " messages from ", spec.from.name(), " to ", spec.to,
                                    " wait already"));
  }
  if (absl::Status status = CheckNoneIsElsewhere(**found); !status.ok()) return status;
  if (absl::Status status = CheckNewWait(spec, **found); !status.ok()) return status;
  return found;
}

bool Orchestrator::GetsNextAtOnce(const Queue& queue) {
  return queue.in_flight.empty() && queue.waiting.empty() && queue.session->takes_at_once();
}

void Orchestrator::StoreNew(Arrival& arrival, Queue& queue) {
  TellSpec& spec = arrival.spec;
  arrival.is_new = true;
  // A warm session gets it at once. What the store would be told then it is told now: every write
  // there waits for the disk.
  const bool at_once = queue.arriving == 0 && GetsNextAtOnce(queue);
  arrival.tell = {.tell_id = spec.tell_id,
                  .session_id = queue.session->session_id(),
                  .text = std::move(spec.text),
                  .state = at_once ? TellState::kRunning : TellState::kQueued,
                  .wait_for_limit = spec.wait_for_limit,
                  .wait_for_host = spec.wait_for_host,
                  .way = WayFor(spec.to, spec.environment)};
  ++queue.arriving;
  const std::shared_ptr<Arrival> shared = arrivals_.at(spec.tell_id);
  store_.Post([shared](Store& store) { return store.AddTell(shared->tell); },
              [this, alive = std::weak_ptr<bool>(alive_), shared](const absl::Status& added) {
                if (!alive.expired()) OnAdded(*shared, added);
              },
              arrival.tell.text.size());
}

void Orchestrator::OnAdded(Arrival& arrival, const absl::Status& added) {
  Queue& queue = queues_[arrival.tell.session_id];
  --queue.arriving;
  if (!added.ok()) return EndArrival(arrival, added);
  if (leaving_) return EndArrival(arrival, Leaving());
  Accept(arrival, queue);
  EndArrival(arrival, absl::OkStatus());
}

void Orchestrator::Accept(Arrival& arrival, Queue& queue) {
  const std::string& tell_id = arrival.tell.tell_id;
  const std::string& session_id = arrival.tell.session_id;
  const bool at_once = GetsNextAtOnce(queue);
  arrival.is_new = false;  // It is open from now on.
  OpenTell& tell = open_[tell_id];
  tell.session_id = session_id;
  tell.accepted_at = store_.Now();
  tell.wait_for_limit = arrival.spec.wait_for_limit;
  tell.wait_for_host = arrival.spec.wait_for_host;
  tell.way = arrival.tell.way;
  tell.environment = std::move(arrival.spec.environment);
  tell.is_of_sender = tell.environment != nullptr;
  tell.stored_as_running = at_once && arrival.tell.state == TellState::kRunning;
  if (!at_once && arrival.tell.state == TellState::kRunning) {
    // The session was lost meanwhile, or is used otherwise.
    Note(absl::StrCat("that tell ", tell_id, " waits"),
         [tell_id](Store& store) { return store.MarkQueued(tell_id); });
  }
  if (at_once) {
    tell.text = KeptText::Keep(std::move(arrival.tell.text), texts_kept_bytes_, kTextsKeptBytesMax);
  }
  const SharedEnvironment environment = tell.environment;
  queue.waiting.push_back(tell_id);
  if (arrival.observer != nullptr) {
    tell.observers.push_back(arrival.observer);
    KeepAsker(tell_id, arrival.spec.waiting_session(), arrival.observer);
    arrival.observer->OnAccepted(session_id);
  }
  const size_t ahead = queue.waiting.size() - (queue.in_flight.empty() ? 1 : 0);
  if (ahead == 0) return PostStartNext(session_id);
  SetProgress(tell_id, QueuedProgress(ahead));
  // What an earlier life took goes on with what this one brings.
  AskFor(tell_id, environment, /*by_sender=*/true);
  // The one in flight may wait for a link that somebody has mended.
  UseSettingsOfNow(queue);
  PostTryNow(session_id);
}

void Orchestrator::EndArrival(Arrival& arrival, const absl::Status& status) {
  const std::shared_ptr<Arrival> ended = arrivals_.extract(arrival.spec.tell_id).mapped();
  if (!status.ok()) {
    if (ended->inside) {
      ended->refused = status;  // Tell() says so.
    } else if (ended->observer != nullptr) {
      ended->observer->OnRefused(status);
    }
  }
  for (absl::AnyInvocable<void()>& next : std::exchange(ended->then, {})) next();
}

}  // namespace iris
