#include "coordinator/orchestrator/tell_lists.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/check_found.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {
namespace {

// A list of 1,000 fits into one message.
constexpr size_t kListedDetailBytes = 200;

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

v1::TellSummary StoredSummaryOf(const StoredTellSummary& stored) {
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

// Somebody was given it, and the store is about to know.
bool TellLists::IsBeingFetched(const StoredTellSummary& stored) const {
  return stored.state == TellState::kSettled && fetched_.IsBeingMarked(stored.tell_id);
}

v1::TellSummary TellLists::SummaryOf(const StoredTellSummary& stored) const {
  v1::TellSummary summary = StoredSummaryOf(stored);
  if (IsBeingFetched(stored)) summary.set_fetched(true);
  const AcceptedTell* const tell = tells_.Find(stored.tell_id);
  if (tell == nullptr) return summary;
  summary.set_answer_bytes(tell->answer().bytes());
  const absl::optional<v1::TellProgress> said = tell->Progress();
  if (said.has_value()) *summary.mutable_progress() = *said;
  return summary;
}

absl::StatusOr<v1::TellSummary> TellLists::Find(const std::string& tell_id,
                                                const Caller& caller) const {
  if (arrivals_.IsBeingStored(tell_id)) return NoSuchTell(tell_id);
  const absl::StatusOr<absl::optional<StoredTellSummary>> stored = store_.FindSummary(tell_id);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = CheckFound(*stored, tell_id, caller); !status.ok()) return status;
  return SummaryOf(**stored);
}

void TellLists::List(const Caller& from, bool all, Done done) {
  store_.Read<std::vector<StoredTellSummary>>(
      [name = from.name(), all](Store& store) { return store.Summaries(name, all); },
      [this, alive = alive_.Watch(), all,
       done = std::move(done)](absl::StatusOr<std::vector<StoredTellSummary>> stored) mutable {
        if (!alive) return;
        if (!stored.ok()) return done(stored.status());
        done(ListOf(*stored, all));
      });
}

v1::ListTellsResponse TellLists::ListOf(const std::vector<StoredTellSummary>& stored,
                                        bool all) const {
  v1::ListTellsResponse list;
  for (const StoredTellSummary& one : stored) {
    if (IsBeingFetched(one) && !all) continue;
    v1::TellSummary& tell = *list.add_tells();
    tell = SummaryOf(one);
    if (!tell.has_failure()) continue;
    Failure& failure = *tell.mutable_failure();
    failure.set_detail(CutUtf8(failure.detail(), kListedDetailBytes));
    failure.set_fix(CutUtf8(failure.fix(), kListedDetailBytes));
  }
  return list;
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> TellLists::Unfetched(const Caller& from) const {
  absl::StatusOr<std::vector<Store::WaitingAnswer>> answers = store_.Unfetched(from.name());
  if (answers.ok()) {
    std::erase_if(*answers, [this](const Store::WaitingAnswer& answer) {
      return fetched_.IsBeingMarked(answer.tell_id);
    });
  }
  return answers;
}

}  // namespace iris
