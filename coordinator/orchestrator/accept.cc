// What is asked of a tell that comes, and how it takes its place in its session's line.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/post_note.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

absl::Status Orchestrator::Tell(TellSpec spec, TellObserver* observer) {
  return arrivals_.Take(std::move(spec), observer);
}

absl::Status Orchestrator::CheckSpec(const TellSpec& spec) {
  return tells_.has_left() ? Leaving() : CheckTell(spec);
}

absl::Status Orchestrator::OnKnown(StoredTell stored, const TellSpec& spec,
                                   TellObserver* observer) {
  return tells_.has_left() ? Leaving() : TellAgain(std::move(stored), spec, observer);
}

absl::StatusOr<NewTell> Orchestrator::Admit(TellSpec& spec) {
  if (tells_.has_left()) return Leaving();
  if (spec.accepted_before) return StoredAndGone(spec);
  const absl::StatusOr<Queue*> found = CheckNew(spec);
  if (!found.ok()) return found.status();
  const Queue& queue = **found;
  const std::string& session_id = queue.session->session_id();
  // A warm session gets it at once. What would be stored then is stored now: every write there
  // waits for the disk.
  const bool at_once = arrivals_.BeingStoredFor(session_id) == 0 && GetsNextAtOnce(queue);
  return NewTell{.tell_id = spec.tell_id,
                 .session_id = session_id,
                 .text = std::move(spec.text),
                 .state = at_once ? TellState::kRunning : TellState::kQueued,
                 .wait_for_limit = spec.wait_for_limit,
                 .wait_for_host = spec.wait_for_host,
                 .way = teams_.WayFor(spec.to, spec.environment)};
}

absl::StatusOr<Orchestrator::Queue*> Orchestrator::CheckNew(const TellSpec& spec) {
  const absl::StatusOr<Queue*> found = QueueOf(spec.from, spec.to, spec.environment);
  if (!found.ok()) return found;
  const size_t waiting =
      (*found)->waiting.size() + arrivals_.BeingStoredFor((*found)->session->session_id());
  if (waiting >= limits_.waiting_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(waiting, " messages from ", spec.from.name(), " to ", spec.to,
                                    " wait already"));
  }
  const std::string& session_id = (*found)->session->session_id();
  if (absl::Status status = wayless_.CheckNoneIsGiven(session_id); !status.ok()) return status;
  if (absl::Status status = CheckNewWait(spec, **found); !status.ok()) return status;
  return found;
}

bool Orchestrator::GetsNextAtOnce(const Queue& queue) {
  return queue.in_flight.empty() && queue.waiting.empty() && queue.session->takes_at_once();
}

absl::Status Orchestrator::OnStored(NewTell added, TellSpec& spec, TellObserver* observer) {
  if (tells_.has_left()) return Leaving();
  Queue& queue = queues_[added.session_id];
  const bool at_once = GetsNextAtOnce(queue);
  if (!at_once && added.state == TellState::kRunning) {
    // The session was lost meanwhile, or is used otherwise.
    PostNote(store_, absl::StrCat("that tell ", added.tell_id, " waits"),
             [tell_id = added.tell_id](Store& store) { return store.MarkQueued(tell_id); });
    added.state = TellState::kQueued;
  }
  const SharedEnvironment environment = std::move(spec.environment);
  AcceptedTell& tell = tells_.Add(std::make_unique<AcceptedTell>(added, store_.Now(), environment));
  if (at_once) tells_.KeepText(tell, std::move(added.text));
  queue.waiting.push_back(added.tell_id);
  if (observer != nullptr) {
    tell.AddObserver(observer);
    KeepAsker(added.tell_id, spec.waiting_session(), observer);
    observer->OnAccepted(added.session_id);
  }
  TakePlace(added.tell_id, queue, environment);
  return absl::OkStatus();
}

void Orchestrator::TakePlace(const std::string& tell_id, Queue& queue,
                             const SharedEnvironment& environment) {
  const std::string& session_id = queue.session->session_id();
  const size_t ahead = queue.waiting.size() - (queue.in_flight.empty() ? 1 : 0);
  if (ahead == 0) return PostStartNext(session_id);
  tells_.SetProgress(tell_id, QueuedProgress(ahead));
  // What an earlier life took goes on with what this one brings.
  AskFor(tell_id, environment, /*by_sender=*/true);
  // The one in flight may wait for a link that somebody has mended.
  UseSettingsOfNow(queue);
  PostTryNow(session_id);
}

}  // namespace iris
