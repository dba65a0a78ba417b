#include "coordinator/orchestrator/orchestrator.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
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

Orchestrator::Orchestrator(EventLoop& loop, std::unique_ptr<StoreQueue> own, StoreQueue* store,
                           LiveConfig& config, TransportFactory& factory, TellLimits limits)
    : loop_(loop),
      own_store_(std::move(own)),
      store_(own_store_ != nullptr ? *own_store_ : *store),
      teams_(config),
      limits_(limits),
      answers_(loop, [this] { return Sessions(); }),
      fetched_(store_),
      arrivals_(store_, *this, limits_.observers_max),
      wayless_(tells_),
      settling_(loop, store_, tells_, wayless_, fetched_, limits_.answer_bytes_max, *this),
      cancels_(store_, settling_),
      pool_(loop, store_, factory, *this),
      house_(loop, store_, limits_.housekeeping, [this] {
        EndWhatFoundNoWay();
        EndOverdue();
      }) {}

Orchestrator::~Orchestrator() = default;

absl::Status Orchestrator::TellAgain(StoredTell stored, const TellSpec& spec,
                                     TellObserver* observer) {
  const bool same_text = stored.dropped || stored.text == spec.text;
  if (stored.from != spec.from.name() || stored.to != spec.to || !same_text) {
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
  arrivals_.Forget(tell_id, observer);
  if (tells_.Find(tell_id) == nullptr) return;
  tells_.RemoveObserver(tell_id, observer);
  turn_waits_.Remove(tell_id, observer);
}

// Not at once: a caller of Tell() must not hear of the end from inside, and a transport that
// reports the end of one tell must not be handed the next one from inside.
void Orchestrator::PostStartNext(const std::string& session_id) {
  loop_.Post([this, alive = alive_.Watch(), session_id] {
    if (alive) StartNext(session_id);
  });
}

void Orchestrator::StartNext(const std::string& session_id) {
  Queue& queue = queues_[session_id];
  const absl::Time not_before = NextNotBefore(queue);
  const bool is_due = not_before == absl::InfinitePast();
  if (!is_due) WaitForLimit(session_id, queue, not_before);
  const bool lacks_asker = queue.in_flight.empty() && WaitsForAsker(queue);
  const bool is_held = GivenElsewhere(queue) > 0;
  if (lacks_asker || is_held) ReportPlaces(queue);
  const bool tell_is_next = queue.in_flight.empty() && !queue.waiting.empty() && is_due &&
                            !queue.awaits.has_value() && !lacks_asker && !is_held;
  if (!tell_is_next && !queue.wakes.waiting()) return;
  UseSettingsOfNow(queue);
  if (pool_.Admit(*queue.session)) return StartWhatWaits(queue);
  ReportPlaces(queue);
}

void Orchestrator::OnRoom(const std::string& session_id) {
  Queue& queue = queues_[session_id];
  UseSettingsOfNow(queue);
  if (!queue.session->ending()) return StartWhatWaits(queue);
  pool_.Admit(*queue.session);  // A child with the old ones is to end first: OnRoom() comes again.
}

void Orchestrator::StartWhatWaits(Queue& queue) {
  if (queue.wakes.waiting()) {
    queue.wakes.AwaitChild() ? queue.session->TakeOver() : queue.session->Wake();
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
  ReportPlaces(queue);
}

absl::Status Orchestrator::Start(const std::string& tell_id, Queue& queue) {
  AcceptedTell& tell = tells_.At(tell_id);
  absl::StatusOr<std::string> text = TextOf(tell_id, tell);
  if (!text.ok()) return text.status();
  const std::string id_on_host = tell.id_on_host();
  if (tell.giving().may_be_there()) {
    queue.session->Resume(id_on_host, *std::move(text), tell.given());
  } else {
    queue.session->Tell(id_on_host, *std::move(text));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Orchestrator::TextOf(const std::string& tell_id, AcceptedTell& tell) {
  if (const std::unique_ptr<KeptText> kept = tell.TakeText(); kept != nullptr) return kept->Take();
  absl::StatusOr<absl::optional<StoredTell>> stored = store_.FindTell(tell_id);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) return std::move((*stored)->text);
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("message ", tell_id, " is in the store no more"));
}

// Nobody got the message: it keeps its place.
void Orchestrator::StartAgainSoon(const std::string& session_id, Queue& queue,
                                  const absl::Status& why) {
  const std::string tell_id = queue.waiting.front();
  tells_.SetProgress(tell_id, NotStoredProgress("the message cannot be taken up yet", why));
  if (std::exchange(queue.starts_again, true)) return;
  LogError("tell ", tell_id, " to start: ", why.message());
  loop_.After(kStartAgain, [this, alive = alive_.Watch(), session_id] {
    if (!alive) return;
    queues_[session_id].starts_again = false;
    StartNext(session_id);
  });
}

// Where everybody who waits stands now.
void Orchestrator::ReportPlaces(const Queue& queue) {
  const absl::Time not_before = NextNotBefore(queue);
  const bool is_due = not_before == absl::InfinitePast();
  size_t ahead = (queue.in_flight.empty() ? 0 : 1) + GivenElsewhere(queue);
  // A copy: who hears of its place may send more, or cancel.
  for (const std::string& waiting : std::deque<std::string>(queue.waiting)) {
    auto* const open = tells_.Find(waiting);
    const bool waits = open != nullptr && !open->is_over();
    if (!waits || queue.waiting.empty()) continue;
    const bool is_first = waiting == queue.waiting.front();
    if (is_first && queue.awaits.has_value()) {
      if (!open->Says(queue.awaits->text())) tells_.SetProgress(waiting, *queue.awaits);
    } else if (is_first && !is_due) {
      tells_.SetProgress(waiting, LimitProgress(not_before));
    } else if (ahead == 0 && WaitsForAsker(queue)) {
      tells_.SetProgress(waiting, NoAskerProgress());
    } else if (ahead == 0) {
      tells_.SetProgress(waiting, NoProcessProgress(pool_.processes_busy(), pool_.processes_max()));
    } else {
      tells_.SetProgress(waiting, QueuedProgress(ahead));
    }
    ++ahead;
  }
}

void Orchestrator::Status(StatusDone done) {
  store_.Read<std::vector<StoredSession>>(
      [](Store& store) { return store.Sessions(); },
      [this, alive = alive_.Watch(),
       done = std::move(done)](absl::StatusOr<std::vector<StoredSession>> stored) mutable {
        if (!alive) return;
        if (!stored.ok()) return done(stored.status());
        done(StatusOf(*stored));
      });
}

std::vector<v1::SessionStatus> Orchestrator::StatusOf(
    const std::vector<StoredSession>& stored) const {
  std::vector<v1::SessionStatus> statuses = pool_.Describe(stored);
  size_t input_room = kInputsBytesMax;
  size_t name_room = kNamesBytesMax;
  for (v1::SessionStatus& status : statuses) {
    for (v1::PendingPermission& permission : *status.mutable_permissions()) {
      permission.set_tell_id(tells_.TellOf(permission.tell_id()));
      CutInput(permission, input_room);
    }
    CutNames(status, name_room);
    const auto queue = queues_.find(status.session_id());
    if (queue == queues_.end()) continue;
    status.set_tells_waiting(static_cast<uint32_t>(queue->second.waiting.size()));
    status.set_tell_in_flight(queue->second.in_flight);
    if (IsKnown(queue->second.last_turn)) *status.mutable_last_turn() = queue->second.last_turn;
    auto* const open = tells_.Find(queue->second.in_flight);
    if (open != nullptr) status.set_answer_bytes(open->answer().bytes());
    const absl::Time not_before = NextNotBefore(queue->second);
    if (not_before != absl::InfinitePast()) status.set_stall(LimitProgress(not_before).text());
    const bool lacks_asker = queue->second.in_flight.empty() && WaitsForAsker(queue->second);
    if (lacks_asker) status.set_stall(NoAskerProgress().text());
    if (queue->second.awaits.has_value()) status.set_stall(queue->second.awaits->text());
  }
  return statuses;
}

std::vector<PooledSession*> Orchestrator::Sessions() const {
  std::vector<PooledSession*> sessions;
  for (const auto& [session_id, queue] : queues_) {
    if (queue.session != nullptr) sessions.push_back(queue.session);
  }
  return sessions;
}

std::string Orchestrator::InFlightOf(const std::string& session_id) {
  return queues_[session_id].in_flight;
}

void Orchestrator::OnMarkStored(const std::string& session_id, const ReadMark& mark) {
  Queue& queue = queues_[session_id];
  if (queue.session != nullptr) queue.session->Acknowledge(mark);
}

void Orchestrator::OnSettled(const AcceptedTell& tell) {
  turn_waits_.Forget(tell.id());
  Queue& queue = queues_[tell.session_id()];
  if (queue.in_flight == tell.id()) queue.in_flight.clear();
  PostStartNext(tell.session_id());
  queue.last_turn = tell.answer().account();
}

std::string Orchestrator::TeamOf(absl::string_view claude_session_id) const {
  const auto team = team_of_.find(std::string(claude_session_id));
  return team == team_of_.end() ? "" : team->second;
}

}  // namespace iris
