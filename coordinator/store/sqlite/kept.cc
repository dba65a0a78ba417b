// What is settled: how much of it is kept, and for how long.

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/tell_row.h"

namespace iris {
namespace {

constexpr int64_t kFreeBytesKept = 1 << 20;  // It is about to be used again.
constexpr int64_t kGivenBackAtOnce = 1 << 20;
constexpr int64_t kTrimmedTogether = 16;  // One in so many.
constexpr char kFixDropped[] = "Ask the team what it answered: it knows the conversation.";

}  // namespace

absl::StatusOr<bool> SqliteStore::GiveBackRoom() {
  const absl::StatusOr<int64_t> mode = database_->Pragma("auto_vacuum"),
                                free = database_->Pragma("freelist_count"),
                                bytes = database_->Pragma("page_size");
  for (const absl::Status& status : {mode.status(), free.status(), bytes.status()}) {
    if (!status.ok()) return status;
  }
  if (*mode == 0 || *free * *bytes < kFreeBytesKept) return false;
  const std::string some =
      absl::StrCat("PRAGMA incremental_vacuum(", kGivenBackAtOnce / *bytes, ")");
  if (absl::Status status = database_->Run(some.c_str()); !status.ok()) return status;
  return *free * *bytes - kGivenBackAtOnce >= kFreeBytesKept;
}

absl::Status SqliteStore::Settle(KnownTells& known, const Settlement& settlement) {
  const KnownTells::Tell* const tell = known.Find(settlement.tell_id);
  if (tell == nullptr || tell->settled_seq != 0) {
    LogError("tell ", settlement.tell_id, " was settled twice, or is not there");
    return absl::OkStatus();
  }
  const int64_t number = tell->number, session = tell->session;
  absl::StatusOr<Statement> update = database_->Prepare(
      "UPDATE tells SET state = ?, settled_at = ?, settled_seq = ?, settled_age_ms = ?, "
      "settled_bytes = ? + (SELECT length(head) + length(rest) FROM texts WHERE tell = n) "
      "WHERE n = ? RETURNING settled_bytes");
  if (!update.ok()) return update.status();
  const int64_t now_ms = NowMs(), age_ms = AgeMs();
  update->Bind(static_cast<int64_t>(TellState::kSettled)).Bind(now_ms).Bind(known.NextSeq());
  const Failure failure = settlement.outcome.ok() ? Failure() : ToProto(settlement.outcome);
  update->Bind(age_ms).Bind(static_cast<int64_t>(settlement.answer.size() +
                                                 failure.detail().size() + failure.fix().size()));
  const absl::StatusOr<bool> updated = update->Bind(number).Step();
  if (!updated.ok()) return updated.status();
  const int64_t bytes = update->Int(0);
  absl::Status saved = update->Finish();
  if (saved.ok()) saved = SaveOutcome(number, settlement);
  if (saved.ok() && !settlement.cancel_on_host.empty()) {
    saved = NoteCancel(settlement.tell_id, settlement.cancel_on_host);
  }
  if (saved.ok()) saved = CountMessage(session, now_ms);
  if (saved.ok()) known.Settle(number, bytes, age_ms);
  return saved;
}

absl::Status SqliteStore::SaveOutcome(int64_t tell, const Settlement& settlement) {
  absl::StatusOr<Statement> insert =
      database_->Prepare("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  const Failure failure = settlement.outcome.ok() ? Failure() : ToProto(settlement.outcome);
  const std::string account = settlement.account.SerializeAsString();
  const absl::StatusOr<size_t> kept = KeepPieces(tell, settlement);
  if (!kept.ok()) return kept.status();
  const absl::string_view head = Preview(settlement.answer);
  const size_t written = *kept > 0 ? *kept : head.size();
  // Not failure.kind(), which may be the nearest that older builds know.
  insert->Bind(tell).Bind(KindOf(failure)).BindText(failure.detail()).BindText(failure.fix());
  insert->Bind(failure.rate_limit().resets_at_ms()).Bind(failure.rate_limit().nothing_ran());
  insert->BindBytes(account).Bind(static_cast<int64_t>(settlement.structured_bytes));
  insert->Bind(static_cast<int64_t>(*kept)).BindBytes(head);
  return insert->BindBytes(settlement.answer.substr(written)).Finish();
}

absl::Status SqliteStore::CountMessage(int64_t session, int64_t now_ms) {
  return Run(
      "INSERT INTO session_states (session, last_used_at, message_count) VALUES (?, ?, 1) "
      "ON CONFLICT (session) DO UPDATE "
      "SET last_used_at = excluded.last_used_at, message_count = message_count + 1",
      {session, now_ms});
}

absl::Status SqliteStore::TrimSettled(KnownTells& known) {
  const auto has_more_than = [&](int64_t tells_max) {
    return known.kept() > 1 && (static_cast<int64_t>(known.kept()) > tells_max ||
                                known.kept_bytes() > options_.settled_bytes_max);
  };
  const int64_t tells_max = options_.settled_tells_max;
  if (!has_more_than(tells_max + tells_max / kTrimmedTogether)) return absl::OkStatus();
  while (has_more_than(tells_max) && known.FirstFetched() != 0) {
    const absl::Status forgotten = ForgetTell(known, known.FirstFetched());
    if (!forgotten.ok()) return forgotten;
  }
  while (has_more_than(tells_max)) {
    const absl::Status dropped = Drop(known, known.FirstKept(), "for want of room");
    if (!dropped.ok()) return dropped;
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::ForgetTell(KnownTells& known, int64_t tell) {
  absl::Status forgotten = Run("DELETE FROM tells WHERE n = ?", {tell});
  if (forgotten.ok()) forgotten = ForgetLongAnswer(known.At(tell));
  if (forgotten.ok()) known.Forget(tell);
  return forgotten;
}

// What failed stays a failure of its own kind; only an answer that is gone becomes one. The
// beginning of the text stays, for lists.
absl::Status SqliteStore::Drop(KnownTells& known, int64_t tell, absl::string_view why) {
  LogWarn("the answer to ", known.At(tell).id, ", which nobody fetched, was dropped ", why);
  absl::Status dropped = Run("UPDATE tells SET dropped = 1, settled_bytes = 0 WHERE n = ?", {tell});
  if (dropped.ok()) dropped = Run("UPDATE texts SET rest = x'' WHERE tell = ?", {tell});
  if (!dropped.ok()) return dropped;
  absl::StatusOr<Statement> drop = database_->Prepare(
      "UPDATE outcomes SET head = x'', rest = x'', structured_bytes = 0, piece_bytes = 0, "
      "detail = CASE kind WHEN 0 THEN ? ELSE detail END, "
      "fix = CASE kind WHEN 0 THEN ? ELSE fix END, "
      "kind = CASE kind WHEN 0 THEN ? ELSE kind END WHERE tell = ?");
  if (!drop.ok()) return drop.status();
  const std::string detail =
      absl::StrCat("the team answered, nobody fetched the answer, and it was dropped ", why);
  drop->BindText(detail).BindText(kFixDropped).Bind(v1::FAILURE_STORAGE);
  dropped = drop->Bind(tell).Finish();
  if (dropped.ok()) dropped = ForgetLongAnswer(known.At(tell));
  if (dropped.ok()) known.Drop(tell);
  return dropped;
}

absl::Status SqliteStore::ForgetLongAnswer(const KnownTells::Tell& tell) {
  const bool is_long = tell.bytes >= static_cast<int64_t>(kKeptAsPiecesBytesMin);
  return is_long ? ForgetPieces(tell.number) : absl::OkStatus();
}

absl::Status SqliteStore::MarkFetched(absl::string_view tell_id) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  const KnownTells::Tell* const tell = (*known)->Find(tell_id);
  if (tell == nullptr || tell->settled_seq == 0 || tell->fetched) return absl::OkStatus();
  return Write([&] {
    absl::Status marked = Run("UPDATE tells SET fetched = 1 WHERE n = ?", {tell->number});
    if (marked.ok()) (*known)->MarkFetched(tell->number);
    return marked;
  });
}

absl::Status SqliteStore::KeepHouse() {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  return Write([&] { return KeepHouse(**known); });
}

absl::Status SqliteStore::KeepHouse(KnownTells& known) {
  const int64_t now_ms = AgeMs(),
                age_max_ms = absl::ToInt64Milliseconds(options_.unfetched_age_max);
  absl::Status kept = Run("UPDATE coordinator SET age_ms = ?, age_saved_at = ?", {now_ms, NowMs()});
  if (!kept.ok()) return kept;
  for (const auto& [seq, tell] : std::map<int64_t, int64_t>(known.unfetched())) {
    if (known.At(tell).age_ms > now_ms - age_max_ms) continue;
    if (kept = Drop(known, tell, "when it was too old"); !kept.ok()) return kept;
  }
  const std::map<int64_t, int64_t> dropped = known.dropped();
  int64_t summaries = 0;
  for (auto last = dropped.rbegin(); last != dropped.rend(); ++last) {
    const KnownTells::Tell& tell = known.At(last->second);
    const bool is_wanted = !tell.fetched && tell.age_ms > now_ms - 2 * age_max_ms;
    if (is_wanted && ++summaries <= options_.dropped_tells_max) continue;
    if (kept = ForgetTell(known, last->second); !kept.ok()) return kept;
  }
  return kept;
}

}  // namespace iris
