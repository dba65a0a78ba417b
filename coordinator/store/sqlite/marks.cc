// Checkpoints: how far sessions were read, what open tells have been answered so far, and which
// ended.

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "coordinator/store/sqlite/sqlite_store.h"

namespace iris {
namespace {

// SQLite makes a copy of a row that it writes.
constexpr size_t kPieceBytesMax = 1 << 20;

// In the column `broken`, by TextLoss. Anything else is of an earlier version, and a loss.
constexpr absl::string_view kLosses[] = {"", "line", "lines", "too long"};

TextLoss LossFrom(absl::string_view text) {
  const auto* const found = std::find(std::begin(kLosses), std::end(kLosses), text);
  return found == std::end(kLosses) ? TextLoss::kLines
                                    : static_cast<TextLoss>(found - std::begin(kLosses));
}

}  // namespace

absl::Status SqliteStore::Save(const std::vector<Checkpoint>& checkpoints,
                               const std::vector<Settlement>& settlements,
                               const std::vector<Postponement>& postponements) {
  absl::Status saved = SaveAll(checkpoints, settlements, postponements);
  if (saved.ok()) return saved;
  // It may be there all the same: what was known of the store does not count any more.
  kept_.reset();
  for (const Checkpoint& checkpoint : checkpoints) ends_.erase(checkpoint.session_id);
  return saved;
}

void SqliteStore::ForgetUnsaved() { (void)database_->Run("PRAGMA wal_checkpoint(TRUNCATE)"); }

absl::Status SqliteStore::SaveAll(const std::vector<Checkpoint>& checkpoints,
                                  const std::vector<Settlement>& settlements,
                                  const std::vector<Postponement>& postponements) {
  Transaction transaction(*database_);
  if (!transaction.begun().ok()) return transaction.begun();
  for (const Checkpoint& checkpoint : checkpoints) {
    if (absl::Status status = SaveMark(checkpoint.session_id, checkpoint.mark); !status.ok()) {
      return status;
    }
    if (absl::Status status = SaveText(checkpoint); !status.ok()) return status;
  }
  for (const Postponement& postponement : postponements) {
    if (absl::Status status = PutOff(postponement); !status.ok()) return status;
  }
  const absl::StatusOr<Kept> before = kept_.has_value() ? *kept_ : CountKept();
  if (!before.ok()) return before.status();
  Kept kept = *before;
  for (const Settlement& settlement : settlements) {
    if (absl::Status status = Settle(settlement, kept); !status.ok()) return status;
  }
  const absl::StatusOr<Kept> trimmed = TrimSettled(kept);
  if (!trimmed.ok()) return trimmed.status();
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  kept_ = *trimmed;
  for (const Checkpoint& checkpoint : checkpoints) {
    ends_[checkpoint.session_id] = checkpoint.mark.turn.end;
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::SaveMark(const std::string& session_id, const ReadMark& mark) {
  if (absl::Status status = SaveEnd(session_id, mark.turn.end); !status.ok()) return status;
  // Not INSERT OR REPLACE, which writes the index anew each time as well.
  absl::StatusOr<Statement> save = database_->Prepare(
      "INSERT INTO marks (session_id, journal_id, incarnation, seq, in_flight, any_text, broken, "
      "skips_line, last_text, structured_bytes, host, host_name, begun, account, tools, "
      "spent_micro_usd) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (session_id) DO UPDATE "
      "SET journal_id = excluded.journal_id, incarnation = excluded.incarnation, "
      "seq = excluded.seq, in_flight = excluded.in_flight, any_text = excluded.any_text, "
      "broken = excluded.broken, skips_line = excluded.skips_line, "
      "last_text = excluded.last_text, structured_bytes = excluded.structured_bytes, "
      "host = excluded.host, host_name = excluded.host_name, begun = excluded.begun, "
      "account = excluded.account, tools = excluded.tools, "
      "spent_micro_usd = excluded.spent_micro_usd");
  if (!save.ok()) return save.status();
  save->BindText(session_id).BindText(mark.journal_id).BindText(mark.incarnation);
  save->Bind(static_cast<int64_t>(mark.seq)).BindText(mark.in_flight);
  save->Bind(mark.turn.any_text).BindText(kLosses[static_cast<size_t>(mark.turn.loss)]);
  save->Bind(mark.turn.skips_line).Bind(static_cast<int64_t>(mark.turn.last_text));
  save->Bind(static_cast<int64_t>(mark.turn.structured_bytes));
  save->BindText(mark.host.key).BindText(mark.host.name);
  save->BindText(mark.begun);
  const SharedText& account = mark.turn.account;
  save->BindBytes(account == nullptr ? absl::string_view() : absl::string_view(*account));
  return save->Bind(static_cast<int64_t>(mark.turn.tools)).Bind(mark.turn.spent_micro_usd).Finish();
}

// Only where it has changed: it may be as long as an answer, and marks come many times a second.
absl::Status SqliteStore::SaveEnd(const std::string& session_id, const SharedText& end) {
  const auto stored = ends_.find(session_id);
  if (stored != ends_.end() && stored->second == end) return absl::OkStatus();
  absl::StatusOr<Statement> save =
      database_->Prepare(end == nullptr ? "DELETE FROM mark_ends WHERE session_id = ?"
                                        : "INSERT OR REPLACE INTO mark_ends VALUES (?, ?)");
  if (!save.ok()) return save.status();
  save->BindText(session_id);
  if (end != nullptr) save->BindBytes(*end);
  return save->Finish();
}

absl::Status SqliteStore::ForgetText(absl::string_view tell_id) {
  absl::StatusOr<Statement> forget = database_->Prepare("DELETE FROM pieces WHERE tell_id = ?");
  return forget.ok() ? forget->BindText(tell_id).Finish() : forget.status();
}

absl::Status SqliteStore::SaveText(const Checkpoint& checkpoint) {
  if (checkpoint.void_before) {
    if (absl::Status status = ForgetText(checkpoint.tell_id); !status.ok()) return status;
  }
  for (size_t at = 0; at < checkpoint.text.size(); at += kPieceBytesMax) {
    // OR REPLACE: it may be there already, where an earlier Save() failed after its commit.
    absl::StatusOr<Statement> add =
        database_->Prepare("INSERT OR REPLACE INTO pieces (tell_id, at, bytes) VALUES (?, ?, ?)");
    if (!add.ok()) return add.status();
    add->BindText(checkpoint.tell_id).Bind(static_cast<int64_t>(checkpoint.text_at + at));
    absl::Status added = add->BindBytes(checkpoint.text.substr(at, kPieceBytesMax)).Finish();
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::StatusOr<ReadMark> SqliteStore::FindMark(absl::string_view session_id) {
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT journal_id, incarnation, seq, in_flight, any_text, broken, skips_line, last_text, "
      "structured_bytes, bytes, host, host_name, begun, account, tools, spent_micro_usd "
      "FROM marks LEFT JOIN mark_ends USING (session_id) WHERE session_id = ?");
  if (!query.ok()) return query.status();
  const absl::StatusOr<bool> found = query->BindText(session_id).Step();
  if (!found.ok()) return found.status();
  if (!*found) return ReadMark();
  const std::string end = query->Bytes(9), account = query->Bytes(13);
  return ReadMark{
      .journal_id = query->Bytes(0),
      .incarnation = query->Bytes(1),
      .seq = static_cast<uint64_t>(query->Int(2)),
      .in_flight = query->Bytes(3),
      .turn = {.any_text = query->Int(4) != 0,
               .last_text = static_cast<uint64_t>(query->Int(7)),
               .end = end.empty() ? nullptr : std::make_shared<std::string>(end),
               .structured_bytes = static_cast<size_t>(query->Int(8)),
               .loss = LossFrom(query->Bytes(5)),
               .skips_line = query->Int(6) != 0,
               .tools = static_cast<uint32_t>(query->Int(14)),
               .spent_micro_usd = query->Int(15),
               .account = account.empty() ? nullptr : std::make_shared<std::string>(account)},
      .host = {.key = query->Bytes(10), .name = query->Bytes(11)},
      .begun = query->Bytes(12)};
}

absl::Status SqliteStore::NoteAnswer(absl::string_view team, absl::string_view way) {
  Transaction transaction(*database_);
  if (!transaction.begun().ok()) return transaction.begun();
  const int64_t now_ms = NowMs();
  absl::StatusOr<Statement> note =
      database_->Prepare("INSERT OR REPLACE INTO answered (team, way, at) VALUES (?, ?, ?)");
  if (!note.ok()) return note.status();
  absl::Status noted = note->BindText(team).BindText(way).Bind(now_ms).Finish();
  if (!noted.ok()) return noted;
  absl::Status forgotten =
      Run("DELETE FROM answered WHERE at < ?", {now_ms - absl::ToInt64Milliseconds(kAnswerCounts)});
  if (!forgotten.ok()) return forgotten;
  return transaction.Commit();
}

absl::StatusOr<bool> SqliteStore::HasAnswered(absl::string_view team, absl::string_view way) {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT 1 FROM answered WHERE team = ? AND way = ? AND at >= ?");
  if (!query.ok()) return query.status();
  query->BindText(team).BindText(way);
  return query->Bind(NowMs() - absl::ToInt64Milliseconds(kAnswerCounts)).Step();
}

absl::StatusOr<std::string> SqliteStore::FindText(absl::string_view tell_id) {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT bytes FROM pieces WHERE tell_id = ? ORDER BY at");
  if (!query.ok()) return query.status();
  query->BindText(tell_id);
  std::string text;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return text;
    text += query->Bytes(0);
  }
}

}  // namespace iris
