#include "coordinator/orchestrator/orchestrator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {
namespace {

constexpr size_t kInputBytesShown = 4 << 10;
constexpr size_t kInputsBytesMax = 256 << 10;             // In one status.
constexpr size_t kNamesBytesMax = 256 << 10;              // Of variables, likewise.
constexpr absl::Duration kStartAgain = absl::Seconds(1);  // Where the store did not take it.

void CutInput(v1::PendingPermission& permission, size_t& room) {
  const absl::string_view all = permission.input();
  std::string shown(Utf8Prefix(all, std::min(kInputBytesShown, room)));
  room -= std::min(room, shown.size());
  permission.set_input(std::move(shown));
}

void CutNames(v1::SessionStatus& status, size_t& room) {
  for (int i = 0; i < status.env_names_size(); ++i) {
    const size_t bytes = status.env_names(i).size();
    if (bytes > room) {
      status.mutable_env_names()->DeleteSubrange(i, status.env_names_size() - i);
      return;
    }
    room -= bytes;
  }
}

}  // namespace

Orchestrator::Orchestrator(EventLoop& loop, Store& store, LiveConfig& config,
                           TransportFactory& factory, TellLimits limits)
    : loop_(loop),
      store_(store),
      config_(config),
      limits_(limits),
      pool_(loop, store, factory, *this) {
  KeepHouseNowAndThen();
}

Orchestrator::~Orchestrator() {
  loop_.Cancel(checkpoint_timer_);
  loop_.Cancel(unsaved_timer_);
  loop_.Cancel(house_timer_);
}

absl::Status Orchestrator::Tell(TellSpec spec, TellObserver* observer) {
  if (leaving_) return Leaving();
  if (absl::Status status = CheckTell(spec); !status.ok()) return status;
  absl::StatusOr<absl::optional<StoredTell>> stored = store_.FindTell(spec.tell_id);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) return TellAgain(**std::move(stored), spec, observer);
  if (spec.accepted_before) return StoredAndGone(spec);

  const absl::StatusOr<Queue*> found = QueueOf(spec.from, spec.to, spec.environment);
  if (!found.ok()) return found.status();
  Queue& queue = **found;
  const std::string session_id = queue.session->session_id();
  if (queue.waiting.size() >= limits_.waiting_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(queue.waiting.size(), " messages from ", spec.from, " to ",
                                    spec.to, " wait already"));
  }
  if (absl::Status status = CheckNoneIsElsewhere(queue); !status.ok()) return status;
  if (absl::Status status = CheckNewWait(spec, queue); !status.ok()) return status;
  // A warm session gets it at once. What the store would be told then it is told now: every write
  // there waits for the disk.
  const bool at_once =
      queue.in_flight.empty() && queue.waiting.empty() && queue.session->takes_at_once();
  const std::string way = WayFor(spec.to, spec.environment);
  absl::Status added = store_.AddTell(spec.tell_id, session_id, spec.text,
                                      at_once ? TellState::kRunning : TellState::kQueued,
                                      spec.wait_for_limit, spec.wait_for_host, way);
  if (!added.ok()) return added;
  OpenTell& tell = open_[spec.tell_id];
  tell.session_id = session_id;
  tell.accepted_at = store_.Now();
  tell.wait_for_limit = spec.wait_for_limit;
  tell.wait_for_host = spec.wait_for_host;
  tell.way = way;
  tell.observers.push_back(observer);
  tell.environment = std::move(spec.environment);
  tell.is_of_sender = tell.environment != nullptr;
  KeepAsker(spec.tell_id, spec.waiting_session(), observer);
  queue.waiting.push_back(spec.tell_id);
  observer->OnAccepted(session_id);
  const size_t ahead = queue.waiting.size() - (queue.in_flight.empty() ? 1 : 0);
  if (ahead == 0) {
    PostStartNext(session_id);
  } else {
    SetProgress(spec.tell_id, QueuedProgress(ahead));
    // What an earlier life took goes on with what this one brings.
    AskFor(spec.tell_id, open_[spec.tell_id].environment, /*by_sender=*/true);
    // The one in flight may wait for a link that somebody has mended.
    UseSettingsOfNow(queue);
    PostTryNow(session_id);
  }
  return absl::OkStatus();
}

absl::Status Orchestrator::TellAgain(StoredTell stored, const TellSpec& spec,
                                     TellObserver* observer) {
  const bool same_text = stored.dropped || stored.text == spec.text;
  if (stored.from != spec.from || stored.to != spec.to || !same_text) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the id ", spec.tell_id, " was used for another message"),
                       "Use a new id for a new message.");
  }
  const std::string asker_session = spec.waiting_session();
  if (absl::Status status = CheckWaitFor(stored, asker_session); !status.ok()) {
    // The sender does not come again, it goes on.
    AskFor(spec.tell_id, spec.environment, /*by_sender=*/true);
    return status;
  }
  absl::Status joined = Join(std::move(stored), observer);
  if (!joined.ok()) return joined;
  KeepAsker(spec.tell_id, asker_session, observer);
  AskFor(spec.tell_id, spec.environment, /*by_sender=*/true);
  return joined;
}

void Orchestrator::RemoveObserver(const std::string& tell_id, TellObserver* observer) {
  const auto open = open_.find(tell_id);
  if (open == open_.end()) return;
  std::vector<TellObserver*>& observers = open->second.observers;
  observers.erase(std::remove(observers.begin(), observers.end(), observer), observers.end());
  std::vector<WaitingTurn>& askers = open->second.askers;
  askers.erase(std::remove_if(askers.begin(), askers.end(),
                              [&](const WaitingTurn& asker) { return asker.observer == observer; }),
               askers.end());
}

// Not at once: a caller of Tell() must not hear of the end from inside, and a transport that
// reports the end of one tell must not be handed the next one from inside.
void Orchestrator::PostStartNext(const std::string& session_id) {
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), session_id] {
    if (!alive.expired()) StartNext(session_id);
  });
}

void Orchestrator::StartNext(const std::string& session_id) {
  Queue& queue = queues_[session_id];
  const absl::Time not_before = NextNotBefore(queue);
  const bool is_due = not_before == absl::InfinitePast();
  if (!is_due) WaitForLimit(session_id, queue, not_before);
  const bool lacks_asker = queue.in_flight.empty() && WaitsForAsker(queue);
  const bool is_held = GivenElsewhere(queue) > 0;
  if (lacks_asker || is_held) TellPlaces(queue);
  const bool tell_is_next = queue.in_flight.empty() && !queue.waiting.empty() && is_due &&
                            !queue.awaits.has_value() && !lacks_asker && !is_held;
  if (!tell_is_next && queue.wakes_waiting.empty()) return;
  UseSettingsOfNow(queue);
  if (pool_.Admit(*queue.session)) return GoOn(queue);
  TellPlaces(queue);
}

void Orchestrator::OnRoom(const std::string& session_id) {
  Queue& queue = queues_[session_id];
  UseSettingsOfNow(queue);
  if (!queue.session->ending()) return GoOn(queue);
  pool_.Admit(*queue.session);  // A child with the old ones is to end first: OnRoom() comes again.
}

void Orchestrator::GoOn(Queue& queue) {
  if (!queue.wakes_waiting.empty()) {
    ++queue.wakes_round;
    for (WakeDone& wake : std::exchange(queue.wakes_waiting, {})) {
      queue.wakes.push_back(std::move(wake));
    }
    std::exchange(queue.takes_over, false) ? queue.session->TakeOver() : queue.session->Wake();
  }
  if (!queue.in_flight.empty() || queue.waiting.empty()) return;
  // The start that is under way has other settings than the message is to have: its end goes on.
  if (queue.session->settings_are_due()) return;
  if (queue.awaits.has_value() || NextNotBefore(queue) != absl::InfinitePast()) return;
  if (WaitsForAsker(queue) || GivenElsewhere(queue) > 0) return;
  if (absl::Status status = Start(queue.waiting.front(), queue); !status.ok()) {
    return StartAgainSoon(queue.session->session_id(), queue, status);
  }
  queue.in_flight = queue.waiting.front();
  queue.waiting.pop_front();
  TellPlaces(queue);
}

absl::Status Orchestrator::Start(const std::string& tell_id, Queue& queue) {
  absl::StatusOr<absl::optional<StoredTell>> stored = store_.FindTell(tell_id);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) {
    return MakeFailure(v1::FAILURE_STORAGE,
                       absl::StrCat("message ", tell_id, " is in the store no more"));
  }
  const OpenTell& tell = open_[tell_id];
  const std::string id_on_host = IdOnHost(tell_id, tell.limit_waits);
  if (tell.may_be_there) {
    queue.session->Resume(id_on_host, std::move((*stored)->text), tell.given);
  } else {
    queue.session->Tell(id_on_host, std::move((*stored)->text));
  }
  return absl::OkStatus();
}

// Nobody got the message: it keeps its place.
void Orchestrator::StartAgainSoon(const std::string& session_id, Queue& queue,
                                  const absl::Status& why) {
  SetProgress(queue.waiting.front(), NotStoredProgress("the message cannot be taken up yet", why));
  if (std::exchange(queue.starts_again, true)) return;
  LogError("tell ", queue.waiting.front(), " to start: ", why.message());
  loop_.After(kStartAgain, [this, alive = std::weak_ptr<bool>(alive_), session_id] {
    if (alive.expired()) return;
    queues_[session_id].starts_again = false;
    StartNext(session_id);
  });
}

void Orchestrator::SetProgress(const std::string& tell_id, v1::TellProgress progress) {
  const auto open = open_.find(tell_id);
  if (open == open_.end()) return;
  for (TellObserver* observer : open->second.observers) observer->OnProgress(progress);
  open->second.progress = std::move(progress);
  open->second.progress_at = absl::Now();
}

// Where everybody who waits stands now.
void Orchestrator::TellPlaces(const Queue& queue) {
  const absl::Time not_before = NextNotBefore(queue);
  const bool is_due = not_before == absl::InfinitePast();
  size_t ahead = (queue.in_flight.empty() ? 0 : 1) + GivenElsewhere(queue);
  for (const std::string& waiting : queue.waiting) {
    const bool is_first = waiting == queue.waiting.front();
    if (is_first && queue.awaits.has_value()) {
      const auto open = open_.find(waiting);
      const bool is_said = open != open_.end() && open->second.progress.has_value() &&
                           open->second.progress->text() == queue.awaits->text();
      if (!is_said) SetProgress(waiting, *queue.awaits);
    } else if (is_first && !is_due) {
      SetProgress(waiting, LimitProgress(not_before));
    } else if (ahead == 0 && WaitsForAsker(queue)) {
      SetProgress(waiting, NoAskerProgress());
    } else if (ahead == 0) {
      SetProgress(waiting, NoProcessProgress(pool_.processes_busy(), pool_.processes_max()));
    } else {
      SetProgress(waiting, QueuedProgress(ahead));
    }
    ++ahead;
  }
}

absl::StatusOr<std::vector<v1::SessionStatus>> Orchestrator::Status() const {
  absl::StatusOr<std::vector<v1::SessionStatus>> statuses = pool_.Status();
  if (!statuses.ok()) return statuses;
  size_t input_room = kInputsBytesMax;
  size_t name_room = kNamesBytesMax;
  for (v1::SessionStatus& status : *statuses) {
    for (v1::PendingPermission& permission : *status.mutable_permissions()) {
      const auto sent = sent_again_.find(permission.tell_id());
      if (sent != sent_again_.end()) permission.set_tell_id(sent->second);
      CutInput(permission, input_room);
    }
    CutNames(status, name_room);
    const auto queue = queues_.find(status.session_id());
    if (queue == queues_.end()) continue;
    status.set_tells_waiting(static_cast<uint32_t>(queue->second.waiting.size()));
    status.set_tell_in_flight(queue->second.in_flight);
    if (IsKnown(queue->second.last_turn)) *status.mutable_last_turn() = queue->second.last_turn;
    const auto open = open_.find(queue->second.in_flight);
    if (open != open_.end()) status.set_answer_bytes(open->second.answer.size());
    const absl::Time not_before = NextNotBefore(queue->second);
    if (not_before != absl::InfinitePast()) status.set_stall(LimitProgress(not_before).text());
    const bool lacks_asker = queue->second.in_flight.empty() && WaitsForAsker(queue->second);
    if (lacks_asker) status.set_stall(NoAskerProgress().text());
    if (queue->second.awaits.has_value()) status.set_stall(queue->second.awaits->text());
  }
  return statuses;
}

std::string Orchestrator::TeamOf(absl::string_view claude_session_id) const {
  if (claude_session_id.empty()) return "";
  const absl::StatusOr<std::vector<StoredSession>> sessions = store_.Sessions();
  if (!sessions.ok()) return "";  // Said by whatever is asked for next.
  for (const StoredSession& session : *sessions) {
    if (session.session_id == claude_session_id) return session.to;
  }
  return "";
}

void Orchestrator::OnSessionProgress(const std::string& session_id,
                                     const TransportProgress& progress) {
  const auto found = queues_.find(session_id);
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  if (!queue.awaits.has_value()) return SetProgress(queue.in_flight, ToProto(progress));
  queue.awaits = ToProto(progress);
  TellPlaces(queue);
}

void Orchestrator::OnTellText(const std::string& id_on_host, absl::string_view text) {
  auto* const open = FindSent(id_on_host);
  if (open == nullptr) return;
  std::string& answer = open->second.answer;
  const size_t max = limits_.answer_bytes_max + 1;
  const absl::string_view fits = text.substr(0, max - std::min(max, answer.size()));
  answer.append(fits.data(), fits.size());
}

void Orchestrator::OnTellTextVoid(const std::string& id_on_host) {
  auto* const open = FindSent(id_on_host);
  if (open == nullptr) return;
  OpenTell& tell = open->second;
  tell.answer.clear();
  tell.structured_bytes = 0;
  tell.account.Clear();
  tell.stored_bytes = 0;
  tell.stored_text_is_void = true;
}

void Orchestrator::OnTellStructured(const std::string& id_on_host, size_t bytes) {
  auto* const open = FindSent(id_on_host);
  if (open != nullptr) open->second.structured_bytes = bytes;
}

void Orchestrator::OnTellAccount(const std::string& id_on_host, const v1::TurnAccount& account,
                                 bool asks) {
  auto* const open = FindSent(id_on_host);
  if (open == nullptr) return;
  open->second.account = account;
  open->second.account.set_asks(asks);
}

void Orchestrator::OnTellSettled(const std::string& id_on_host, const absl::Status& outcome) {
  auto* const open = FindSent(id_on_host);
  if (open == nullptr) return;
  if (outcome.ok() && open->second.answer.size() > limits_.answer_bytes_max) {
    return End(open->first,
               MakeFailure(v1::FAILURE_STORAGE,
                           absl::StrCat("the answer is longer than ", limits_.answer_bytes_max,
                                        " bytes; the rest was thrown away"),
                           "Ask the team to write it to a file."));
  }
  open->second.put_off_until = PutOffUntil(open->second, outcome);
  End(open->first, outcome);
}

}  // namespace iris
