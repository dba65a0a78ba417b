#include "coordinator/orchestrator/intake.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/check_found.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/post_note.h"
#include "coordinator/orchestrator/progress.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// ----------------------------------------------------------------------------------------- new
// tells

absl::Status Intake::Tell(TellSpec spec, TellObserver* observer) {
  return arrivals_.Take(std::move(spec), observer);
}

absl::Status Intake::CheckSpec(const TellSpec& spec) {
  return parts_.tells.has_left() ? Leaving() : CheckTell(spec);
}

absl::StatusOr<NewTell> Intake::Admit(TellSpec& spec) {
  if (parts_.tells.has_left()) return Leaving();
  if (spec.accepted_before) return StoredAndGone(spec);
  const absl::StatusOr<SessionLine*> found = CheckNew(spec);
  if (!found.ok()) return found.status();
  const SessionLine& line = **found;
  // A warm session gets it at once. What would be stored then is stored now: every write there
  // waits for the disk.
  const bool at_once = arrivals_.BeingStoredFor(line.session_id()) == 0 && line.TakesAtOnce();
  return NewTell{.tell_id = spec.tell_id,
                 .session_id = line.session_id(),
                 .text = std::move(spec.text),
                 .state = at_once ? TellState::kRunning : TellState::kQueued,
                 .wait_for_limit = spec.wait_for_limit,
                 .wait_for_host = spec.wait_for_host,
                 .way = parts_.teams.WayFor(spec.to, spec.environment)};
}

absl::StatusOr<SessionLine*> Intake::CheckNew(const TellSpec& spec) {
  const absl::StatusOr<SessionLine*> found = parts_.ways.Find(spec.from, spec.to, spec.environment);
  if (!found.ok()) return found;
  const std::string& session_id = (*found)->session_id();
  const size_t waiting = (*found)->order().waiting().size() + arrivals_.BeingStoredFor(session_id);
  if (waiting >= parts_.limits.waiting_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(waiting, " messages from ", spec.from.name(), " to ", spec.to,
                                    " wait already"));
  }
  absl::Status status = parts_.wayless.CheckNoneIsGiven(session_id);
  if (status.ok()) status = waits_.CheckNew(spec, session_id);
  if (!status.ok()) return status;
  return found;
}

absl::Status Intake::OnWritten(NewTell added, TellSpec& spec, TellObserver* observer) {
  if (parts_.tells.has_left()) return Leaving();
  SessionLine* const line = parts_.lines.Find(added.session_id);
  Check(line != nullptr, "a message is stored for a session that is not there");
  const bool at_once = line->TakesAtOnce();
  if (!at_once && added.state == TellState::kRunning) {
    // The session was lost meanwhile, or is used otherwise.
    PostNote(parts_.store, absl::StrCat("that tell ", added.tell_id, " waits"),
             [tell_id = added.tell_id](Store& store) { return store.MarkQueued(tell_id); });
    added.state = TellState::kQueued;
  }
  const SharedEnvironment environment = std::move(spec.environment);
  AcceptedTell& tell =
      parts_.tells.Add(std::make_unique<AcceptedTell>(added, parts_.store.Now(), environment));
  if (at_once) parts_.tells.KeepText(tell, std::move(added.text));
  line->PushBack(added.tell_id);
  if (observer != nullptr) waits_.Add(added.tell_id, spec.waiting_session(), observer);
  TakePlace(added.tell_id, *line, environment);
  return absl::OkStatus();
}

// How it ends is stored behind it: so it is still open.
absl::Status Intake::OnDurable(const std::string& tell_id, TellObserver* observer) {
  if (parts_.tells.has_left()) return Leaving();
  JoinOpen(tell_id, observer);
  return absl::OkStatus();
}

void Intake::TakePlace(const std::string& tell_id, SessionLine& line,
                       const SharedEnvironment& environment) {
  if (line.order().size() <= 1) return line.PostStartNext();
  parts_.tells.SetProgress(tell_id, QueuedProgress(line.order().size() - 1));
  // What an earlier life took goes on with what this one brings.
  parts_.askers.AskFor(tell_id, environment, /*by_sender=*/true);
  line.TryNow();
}

// ----------------------------------------------------------------------------- who follows known
// ones

absl::Status Intake::OnKnown(StoredTell stored, const TellSpec& spec, TellObserver* observer) {
  if (parts_.tells.has_left()) return Leaving();
  const bool same_text = stored.dropped || stored.text == spec.text;
  if (stored.from != spec.from.name() || stored.to != spec.to || !same_text) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the id ", spec.tell_id, " was used for another message"),
                       "Use a new id for a new message.");
  }
  const std::string asker_session = spec.waiting_session();
  absl::Status taken = waits_.CheckKnown(stored, asker_session);
  if (!taken.ok()) {
    // The sender does not come again, it goes on.
    parts_.askers.AskFor(spec.tell_id, spec.environment, /*by_sender=*/true);
    return taken;
  }
  taken = Join(std::move(stored), observer);
  if (!taken.ok()) return taken;
  waits_.Add(spec.tell_id, asker_session, observer);
  parts_.askers.AskFor(spec.tell_id, spec.environment, /*by_sender=*/true);
  return taken;
}

absl::Status Intake::Follow(const std::string& tell_id, const Caller& caller,
                            TellObserver* observer, const std::string& asker_session) {
  if (arrivals_.IsBeingStored(tell_id)) return NoSuchTell(tell_id);
  absl::StatusOr<absl::optional<StoredTell>> stored = parts_.store.FindTell(tell_id);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = CheckFound(*stored, tell_id, caller); !status.ok()) return status;
  if (absl::Status status = waits_.CheckKnown(**stored, asker_session); !status.ok()) return status;
  absl::Status joined = Join(**std::move(stored), observer);
  if (joined.ok()) waits_.Add(tell_id, asker_session, observer);
  return joined;
}

absl::Status Intake::Join(StoredTell stored, TellObserver* observer) {
  if (stored.state == TellState::kSettled) {
    observer->OnAccepted(stored.session_id);
    observer->OnSettled({.status = stored.outcome,
                         .answer = std::make_shared<const std::string>(std::move(stored.answer)),
                         .duration = stored.settled_at - stored.accepted_at,
                         .structured_bytes = stored.structured_bytes,
                         .account = std::move(stored.account)});
    return absl::OkStatus();
  }
  if (parts_.tells.has_left()) return Leaving();
  if (parts_.tells.Find(stored.tell_id) == nullptr) {
    // It was stored, and the store could not say so: its sender heard that it failed.
    if (absl::Status taken = parts_.earlier.TakeUpBehind(stored); !taken.ok()) return taken;
  }
  const AcceptedTell& tell = parts_.tells.At(stored.tell_id);
  if (tell.observers().size() >= parts_.limits.observers_max) {
    return MakeFailure(
        v1::FAILURE_BUSY_LIMIT,
        absl::StrCat(parts_.limits.observers_max, " callers follow this message already"));
  }
  JoinOpen(stored.tell_id, observer);
  return absl::OkStatus();
}

void Intake::JoinOpen(const std::string& tell_id, TellObserver* observer) {
  AcceptedTell& tell = parts_.tells.At(tell_id);
  tell.AddObserver(observer);
  observer->OnAccepted(tell.session_id());
  // What it did in that may have ended the tell, or it has gone.
  const AcceptedTell* const now = parts_.tells.Find(tell_id);
  if (now == nullptr || !now->IsFollowedBy(observer)) return;
  const absl::optional<v1::TellProgress> said = now->Progress();
  if (said.has_value()) observer->OnProgress(*said);
}

void Intake::Leave(const absl::Status& why) {
  arrivals_.Leave(why);
  waits_.Clear();
}

void Intake::RemoveObserver(const std::string& tell_id, const TellObserver* observer) {
  arrivals_.Forget(tell_id, observer);
  parts_.tells.RemoveObserver(tell_id, observer);
  waits_.Remove(tell_id, observer);
}

}  // namespace iris
