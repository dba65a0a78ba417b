#include "coordinator/orchestrator/arrivals.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {

absl::Status Arrivals::Take(TellSpec spec, TellObserver* observer) {
  if (absl::Status status = owner_.CheckSpec(spec); !status.ok()) return status;
  if (Has(spec.tell_id)) return TakeBehind(std::move(spec), observer);
  const auto arrival = std::make_shared<Arrival>();
  arrival->spec = std::move(spec);
  arrival->observer = observer;
  by_id_[arrival->spec.tell_id] = arrival;
  store_.Look(
      [arrival](Store& store) {
        absl::StatusOr<absl::optional<StoredTell>> found = store.FindTell(arrival->spec.tell_id);
        if (!found.ok()) return found.status();
        arrival->found = *std::move(found);
        return absl::OkStatus();
      },
      [this, alive = alive_.Watch(), arrival](const absl::Status& looked) {
        if (alive) OnLookedFor(arrival, looked);
      },
      arrival->spec.text.size());
  arrival->inside = false;
  return arrival->refused;
}

absl::Status Arrivals::WaitBehind(const std::string& tell_id, absl::AnyInvocable<void()> what) {
  Arrival& arrival = *by_id_.at(tell_id);
  if (arrival.then.size() >= waiting_max_) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(waiting_max_, " callers follow this message already"));
  }
  arrival.then.push_back(std::move(what));
  return absl::OkStatus();
}

// Its front end lost us, and comes again: the first one is heard of first.
absl::Status Arrivals::TakeBehind(TellSpec spec, TellObserver* observer) {
  const std::string tell_id = spec.tell_id;
  const auto who = std::make_shared<TellObserver*>(observer);
  absl::Status waits = WaitBehind(tell_id, [this, spec = std::move(spec), who]() mutable {
    if (*who == nullptr) return;
    const absl::Status taken = Take(std::move(spec), *who);
    if (!taken.ok()) (*who)->OnRefused(taken);
  });
  if (waits.ok()) by_id_.at(tell_id)->behind.push_back(who);
  return waits;
}

void Arrivals::Forget(const std::string& tell_id, const TellObserver* observer) {
  const auto found = by_id_.find(tell_id);
  if (found == by_id_.end()) return;
  Arrival& arrival = *found->second;
  if (arrival.observer == observer) arrival.observer = nullptr;
  for (const auto& who : arrival.behind) {
    if (*who == observer) *who = nullptr;
  }
}

bool Arrivals::IsBeingStored(const std::string& tell_id) const {
  const auto found = by_id_.find(tell_id);
  return found != by_id_.end() && found->second->stage != Stage::kLookedFor;
}

size_t Arrivals::BeingStoredFor(const std::string& session_id) const {
  const auto found = being_stored_.find(session_id);
  return found == being_stored_.end() ? 0 : found->second;
}

void Arrivals::ForEachBeingStored(
    absl::FunctionRef<void(const TellSpec& spec, const std::string& session_id)> what) const {
  for (const auto& [tell_id, arrival] : by_id_) {
    if (arrival->stage == Stage::kBeingStored) what(arrival->spec, arrival->tell.session_id);
  }
}

void Arrivals::OnLookedFor(const std::shared_ptr<Arrival>& arrival, const absl::Status& looked) {
  if (!looked.ok()) return End(*arrival, looked);
  if (!arrival->found.has_value()) return StoreNew(arrival);
  // Whoever went meanwhile needs no outcome.
  if (arrival->observer == nullptr) return End(*arrival, absl::OkStatus());
  End(*arrival, owner_.OnKnown(*std::move(arrival->found), arrival->spec, arrival->observer));
}

void Arrivals::StoreNew(const std::shared_ptr<Arrival>& arrival) {
  absl::StatusOr<NewTell> tell = owner_.Admit(arrival->spec);
  if (!tell.ok()) return End(*arrival, tell.status());
  arrival->tell = *std::move(tell);
  arrival->stage = Stage::kBeingStored;
  ++being_stored_[arrival->tell.session_id];
  const size_t bytes = arrival->tell.text.size();
  auto add = [arrival](Store& store) { return store.AddTell(arrival->tell); };
  auto on_written = [this, alive = alive_.Watch(), arrival](const absl::Status& written) {
    if (alive) OnWritten(*arrival, written);
  };
  auto on_durable = [this, alive = alive_.Watch(), arrival] {
    if (alive) OnDurable(*arrival);
  };
  if (arrival->tell.state == TellState::kRunning) {
    return store_.PostUnsynced(add, on_written, on_durable, bytes);
  }
  store_.Post(
      add,
      [on_written, on_durable](const absl::Status& stored) {
        on_written(stored);
        on_durable();
      },
      bytes);
}

void Arrivals::OnWritten(Arrival& arrival, const absl::Status& written) {
  const auto count = being_stored_.find(arrival.tell.session_id);
  Check(count != being_stored_.end(), "a message is stored that did not arrive");
  if (--count->second == 0) being_stored_.erase(count);
  if (!written.ok()) return End(arrival, written);
  arrival.stage = Stage::kWritten;
  const absl::Status taken =
      owner_.OnWritten(std::move(arrival.tell), arrival.spec, arrival.observer);
  if (!taken.ok()) return End(arrival, taken);
  // Who does not wait for the answer waits for this.
  if (!arrival.spec.asker_waits) store_.SyncNow();
}

void Arrivals::OnDurable(Arrival& arrival) {
  const auto found = by_id_.find(arrival.spec.tell_id);
  if (found == by_id_.end() || found->second.get() != &arrival) return;  // It has ended.
  absl::Status followed;
  if (arrival.observer != nullptr) {
    followed = owner_.OnDurable(arrival.spec.tell_id, arrival.observer);
  }
  End(arrival, followed);
}

void Arrivals::End(Arrival& arrival, const absl::Status& status) {
  const auto found = by_id_.find(arrival.spec.tell_id);
  Check(found != by_id_.end() && found->second.get() == &arrival, "an arrival ends twice");
  const std::shared_ptr<Arrival> ended = found->second;
  by_id_.erase(found);
  if (!status.ok()) {
    if (ended->inside) {
      ended->refused = status;  // Take() says so.
    } else if (ended->observer != nullptr) {
      ended->observer->OnRefused(status);
    }
  }
  for (absl::AnyInvocable<void()>& next : std::exchange(ended->then, {})) next();
}

void Arrivals::Leave(const absl::Status& why) {
  while (!by_id_.empty()) End(*by_id_.begin()->second, why);
}

}  // namespace iris
