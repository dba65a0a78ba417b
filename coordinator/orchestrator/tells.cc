// The life of a tell beside the one that works on it: who follows it later, lists it, cancels it.

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

constexpr size_t kIdBytesShown = 100;
// A list of 1,000 fits into one message.
constexpr size_t kListedDetailBytes = 200;

v1::CancelTellOfResponse ResponseFor(bool was_settled, const absl::Status& outcome) {
  v1::CancelTellOfResponse response;
  response.set_was_settled(was_settled);
  if (!outcome.ok()) *response.mutable_failure() = ToProto(outcome);
  return response;
}

// A tell that `found` holds or not, for `caller`.
template <typename Stored>
absl::Status CheckFound(const absl::optional<Stored>& found, absl::string_view tell_id,
                        const Caller& caller) {
  if (!found.has_value()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("there is no message \"",
                                    absl::Utf8SafeCEscape(CutUtf8(tell_id, kIdBytesShown)), "\""),
                       "Give the whole id, as quick_message, tell_status or `iris tell --detach` "
                       "returned it; old messages are forgotten.");
  }
  if (caller.MaySee(Caller::Named(found->from))) return absl::OkStatus();
  return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                     absl::StrCat("message ", tell_id, " was sent by another team"),
                     "Ask for a message that your own team has sent.");
}

v1::TellSummary::State StateOf(TellState state) {
  switch (state) {
    case TellState::kQueued:
      return v1::TellSummary::QUEUED;
    case TellState::kRunning:
      return v1::TellSummary::RUNNING;
    case TellState::kSettled:
      return v1::TellSummary::SETTLED;
  }
  return v1::TellSummary::STATE_UNSPECIFIED;
}

v1::TellSummary SummaryOf(const StoredTellSummary& stored) {
  v1::TellSummary summary;
  summary.set_tell_id(stored.tell_id);
  summary.set_from(stored.from);
  summary.set_to(stored.to);
  summary.set_state(StateOf(stored.state));
  summary.set_fetched(stored.fetched);
  if (!stored.outcome.ok()) *summary.mutable_failure() = ToProto(stored.outcome);
  summary.set_answer_bytes(stored.answer_bytes);
  summary.set_accepted_at_ms(absl::ToUnixMillis(stored.accepted_at));
  if (stored.state == TellState::kSettled) {
    summary.set_settled_at_ms(absl::ToUnixMillis(stored.settled_at));
  }
  summary.set_preview(stored.preview);
  summary.set_answer_preview(ToUtf8(stored.answer_preview));
  if (IsKnown(stored.account)) *summary.mutable_account() = stored.account;
  return summary;
}

}  // namespace

absl::Status Orchestrator::Follow(const std::string& tell_id, const Caller& caller,
                                  TellObserver* observer, const std::string& asker_session) {
  if (arrivals_.IsBeingStored(tell_id))
    return CheckFound(absl::optional<StoredTell>(), tell_id, caller);
  absl::StatusOr<absl::optional<StoredTell>> stored = store_.FindTell(tell_id);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = CheckFound(*stored, tell_id, caller); !status.ok()) return status;
  if (absl::Status status = CheckWaitFor(**stored, asker_session); !status.ok()) return status;
  absl::Status joined = Join(**std::move(stored), observer);
  if (joined.ok()) KeepAsker(tell_id, asker_session, observer);
  return joined;
}

absl::Status Orchestrator::Join(StoredTell stored, TellObserver* observer) {
  if (stored.state == TellState::kSettled) {
    observer->OnAccepted(stored.session_id);
    observer->OnSettled({.status = stored.outcome,
                         .answer = std::make_shared<const std::string>(std::move(stored.answer)),
                         .duration = stored.settled_at - stored.accepted_at,
                         .structured_bytes = stored.structured_bytes,
                         .account = std::move(stored.account)});
    return absl::OkStatus();
  }
  if (tells_.has_left()) return Leaving();
  auto* open = tells_.Find(stored.tell_id);
  if (open == nullptr) {
    // It was stored, and the store could not say so: its sender heard that it failed.
    const absl::StatusOr<Queue*> reopened = Reopen(stored);
    if (!reopened.ok()) return reopened.status();
    if (*reopened != nullptr) {
      (*reopened)->waiting.push_back(stored.tell_id);
      PostStartNext(stored.session_id);
    }
    open = tells_.Find(stored.tell_id);
  }
  if (open->observers().size() >= limits_.observers_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(limits_.observers_max, " callers follow this message already"));
  }
  open->AddObserver(observer);
  observer->OnAccepted(stored.session_id);
  // What it did in that may have moved the tell, or ended it.
  open = tells_.Find(stored.tell_id);
  const absl::optional<v1::TellProgress> said = open == nullptr ? absl::nullopt : open->Progress();
  if (said.has_value()) observer->OnProgress(*said);
  return absl::OkStatus();
}

void Orchestrator::DescribeOpen(v1::TellSummary& summary) const {
  auto* const open = tells_.Find(summary.tell_id());
  if (open == nullptr) return;
  summary.set_answer_bytes(open->answer().bytes());
  const absl::optional<v1::TellProgress> said = open->Progress();
  if (said.has_value()) *summary.mutable_progress() = *said;
}

absl::StatusOr<v1::TellSummary> Orchestrator::Find(const std::string& tell_id,
                                                   const Caller& caller) const {
  if (arrivals_.IsBeingStored(tell_id))
    return CheckFound(absl::optional<StoredTell>(), tell_id, caller);
  const absl::StatusOr<absl::optional<StoredTellSummary>> stored = store_.FindSummary(tell_id);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = CheckFound(*stored, tell_id, caller); !status.ok()) return status;
  v1::TellSummary summary = SummaryOf(**stored);
  if (IsBeingFetched(**stored)) summary.set_fetched(true);
  DescribeOpen(summary);
  return summary;
}

void Orchestrator::List(const Caller& from, bool all, ListDone done) {
  store_.Read<std::vector<StoredTellSummary>>(
      [name = from.name(), all](Store& store) { return store.Summaries(name, all); },
      [this, alive = alive_.Watch(), all,
       done = std::move(done)](absl::StatusOr<std::vector<StoredTellSummary>> stored) mutable {
        if (!alive) return;
        if (!stored.ok()) return done(stored.status());
        done(ListOf(*stored, all));
      });
}

v1::ListTellsResponse Orchestrator::ListOf(const std::vector<StoredTellSummary>& stored,
                                           bool all) const {
  v1::ListTellsResponse list;
  for (const StoredTellSummary& summary : stored) {
    const bool is_being_fetched = IsBeingFetched(summary);
    if (is_being_fetched && !all) continue;
    v1::TellSummary& tell = *list.add_tells();
    tell = SummaryOf(summary);
    if (is_being_fetched) tell.set_fetched(true);
    DescribeOpen(tell);
    if (!tell.has_failure()) continue;
    Failure& failure = *tell.mutable_failure();
    failure.set_detail(CutUtf8(failure.detail(), kListedDetailBytes));
    failure.set_fix(CutUtf8(failure.fix(), kListedDetailBytes));
  }
  return list;
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> Orchestrator::Unfetched(
    const Caller& from) const {
  absl::StatusOr<std::vector<Store::WaitingAnswer>> answers = store_.Unfetched(from.name());
  if (answers.ok()) {
    std::erase_if(*answers, [this](const Store::WaitingAnswer& answer) {
      return fetched_.IsBeingMarked(answer.tell_id);
    });
  }
  return answers;
}

// Somebody was given it, and the store is about to know.
bool Orchestrator::IsBeingFetched(const StoredTellSummary& stored) const {
  return stored.state == TellState::kSettled && fetched_.IsBeingMarked(stored.tell_id);
}

void Orchestrator::Cancel(const std::string& tell_id, const Caller& caller, CancelDone done) {
  if (arrivals_.Has(tell_id)) {
    const absl::Status waits = arrivals_.WaitBehind(
        tell_id, [this, tell_id, caller, done] { Cancel(tell_id, caller, done); });
    if (!waits.ok()) loop_.Post([done, waits] { done(waits); });
    return;
  }
  absl::StatusOr<v1::CancelTellOfResponse> known = BeginCancel(tell_id, caller, done);
  if (done != nullptr) {
    loop_.Post([done = std::move(done), known = std::move(known)] { done(known); });
  }
}

// Takes `done` where what becomes of the tell is not known yet.
absl::StatusOr<v1::CancelTellOfResponse> Orchestrator::BeginCancel(const std::string& tell_id,
                                                                   const Caller& caller,
                                                                   CancelDone& done) {
  const absl::StatusOr<absl::optional<StoredTellSummary>> stored = store_.FindSummary(tell_id);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = CheckFound(*stored, tell_id, caller); !status.ok()) return status;
  const bool was_settled = (*stored)->state == TellState::kSettled;
  if (was_settled) return ResponseFor(was_settled, (*stored)->outcome);
  auto* const open = tells_.Find(tell_id);
  if (open == nullptr) return Leaving();
  if (open->cancels() >= limits_.observers_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(limits_.observers_max, " callers cancel this message already"));
  }
  open->AddCancel(std::exchange(done, nullptr));
  Queue& queue = queues_[open->session_id()];
  if (!open->is_over()) {
    if (queue.in_flight != tell_id) {
      CancelQueued(tell_id, queue);
    } else if (open->cancels() == 1) {
      CancelInFlight(*open, queue);
    }
  }
  return v1::CancelTellOfResponse();
}

}  // namespace iris
