// Tells until they are settled.

#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/tell_row.h"
#include "coordinator/store/store_trouble.h"

namespace iris {
namespace {

constexpr absl::string_view kFindTell =
    "SELECT tell_id, session_id, from_team, to_team, text, state, accepted_at, "
    "wait_for_limit, not_before, waits, settled_at, answer, structured_bytes, dropped, "
    "NOT EXISTS (SELECT 1 FROM unfetched WHERE unfetched.tell_id = tells.tell_id), "
    "kind, detail, fix, limit_resets_at, nothing_ran, wait_for_host, account, way "
    "FROM tells JOIN sessions USING (session_id) LEFT JOIN put_off USING (tell_id) "
    "WHERE tell_id = ?";

StoredTell TellFromRow(const Statement& row) {
  StoredTell tell{.tell_id = row.Bytes(0),
                  .session_id = row.Bytes(1),
                  .from = row.Bytes(2),
                  .to = row.Bytes(3),
                  .text = row.Bytes(4),
                  .state = TellStateFor(row.Bytes(5)),
                  .accepted_at = absl::FromUnixMillis(row.Int(6)),
                  .wait_for_limit = row.Int(7) != 0,
                  .wait_for_host = row.Int(20) != 0,
                  .way = row.Bytes(22),
                  .limit_waits = static_cast<int>(row.Int(9))};
  if (tell.limit_waits > 0) tell.not_before = absl::FromUnixMillis(row.Int(8));
  if (tell.state != TellState::kSettled) return tell;
  tell.settled_at = absl::FromUnixMillis(row.Int(10));
  tell.answer = row.Bytes(11);
  tell.structured_bytes = static_cast<size_t>(row.Int(12));
  tell.dropped = row.Int(13) != 0;
  tell.fetched = row.Int(14) != 0;
  tell.outcome = OutcomeFromRow(row, 15);
  tell.account = AccountFromRow(row, 21);
  return tell;
}

}  // namespace

absl::Status SqliteStore::AddTell(const NewTell& tell) {
  if (absl::Status found = database_->CheckPlace(); !found.ok()) return found;
  const absl::Status added = InsertTell(tell);
  // It may be there all the same. Then the next life takes it up, whatever the caller hears now.
  return added.ok() ? added : OrIsThere(tell, added);
}

absl::Status SqliteStore::OrIsThere(const NewTell& tell, const absl::Status& failed) {
  const absl::StatusOr<absl::optional<StoredTell>> there = FindTell(tell.tell_id);
  if (!there.ok() || !there->has_value()) return failed;
  const bool is_same = (*there)->session_id == tell.session_id && (*there)->text == tell.text;
  return is_same ? absl::OkStatus() : WithTrouble(failed, StoreTrouble::kConflict);
}

absl::Status SqliteStore::InsertTell(const NewTell& tell) {
  Transaction transaction(*database_);
  if (!transaction.begun().ok()) return transaction.begun();
  const int64_t now_ms = NowMs();
  absl::StatusOr<Statement> insert = database_->Prepare(
      "INSERT INTO tells (tell_id, session_id, text, state, accepted_at, preview, wait_for_limit, "
      "wait_for_host, way) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  absl::Status added = insert->BindText(tell.tell_id)
                           .BindText(tell.session_id)
                           .BindBytes(tell.text)
                           .BindText(tell.state == TellState::kRunning ? "running" : "queued")
                           .Bind(now_ms)
                           .BindText(Preview(tell.text))
                           .Bind(tell.wait_for_limit)
                           .Bind(tell.wait_for_host)
                           .BindText(tell.way)
                           .Finish();
  if (!added.ok()) return added;
  absl::StatusOr<Statement> used =
      database_->Prepare("UPDATE sessions SET last_used_at = ? WHERE session_id = ?");
  if (!used.ok()) return used.status();
  absl::Status noted = used->Bind(now_ms).BindText(tell.session_id).Finish();
  return noted.ok() ? transaction.Commit() : noted;
}

absl::StatusOr<absl::optional<StoredTell>> SqliteStore::FindTell(absl::string_view tell_id) {
  absl::StatusOr<Statement> query = database_->Prepare(kFindTell);
  if (!query.ok()) return query.status();
  const absl::StatusOr<bool> found = query->BindText(tell_id).Step();
  if (!found.ok()) return found.status();
  if (!*found) return absl::optional<StoredTell>();
  return absl::make_optional(TellFromRow(*query));
}

absl::Status SqliteStore::MarkRunning(absl::string_view tell_id) {
  absl::StatusOr<Statement> update = database_->Prepare(
      "UPDATE tells SET state = 'running' WHERE tell_id = ? AND state = 'queued'");
  if (!update.ok()) return update.status();
  return update->BindText(tell_id).Finish();
}

absl::Status SqliteStore::MarkQueued(absl::string_view tell_id) {
  absl::StatusOr<Statement> update = database_->Prepare(
      "UPDATE tells SET state = 'queued' WHERE tell_id = ? AND state = 'running'");
  if (!update.ok()) return update.status();
  return update->BindText(tell_id).Finish();
}

absl::Status SqliteStore::PutOff(const Postponement& postponement) {
  absl::StatusOr<Statement> put_off =
      database_->Prepare("INSERT OR REPLACE INTO put_off VALUES (?, ?, ?)");
  if (!put_off.ok()) return put_off.status();
  put_off->BindText(postponement.tell_id).Bind(absl::ToUnixMillis(postponement.not_before));
  absl::Status noted = put_off->Bind(postponement.waits).Finish();
  if (!noted.ok()) return noted;
  absl::Status queued = MarkQueued(postponement.tell_id);
  return queued.ok() ? ForgetText(postponement.tell_id) : queued;
}

absl::StatusOr<std::vector<std::string>> SqliteStore::OpenTells() {
  // Left to itself SQLite goes through the table, in the order of which these are asked for.
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT tell_id FROM tells INDEXED BY tells_open WHERE state != 'settled' ORDER BY rowid");
  if (!query.ok()) return query.status();
  std::vector<std::string> ids;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return ids;
    ids.push_back(query->Bytes(0));
  }
}

absl::Status SqliteStore::NoteCancel(absl::string_view tell_id, absl::string_view id_on_host) {
  // Noted again it keeps its host: by then the session may have another one.
  absl::StatusOr<Statement> note = database_->Prepare(
      "INSERT INTO cancels (tell_id, id_on_host, host) "
      "SELECT tell_id, ?, coalesce(host, '') FROM tells LEFT JOIN marks USING (session_id) "
      "WHERE tell_id = ? "
      "ON CONFLICT (tell_id) DO UPDATE SET id_on_host = excluded.id_on_host, host = excluded.host "
      "WHERE id_on_host != excluded.id_on_host");
  if (!note.ok()) return note.status();
  return note->BindText(id_on_host).BindText(tell_id).Finish();
}

absl::Status SqliteStore::ForgetCancel(absl::string_view id_on_host) {
  absl::StatusOr<Statement> forget = database_->Prepare("DELETE FROM cancels WHERE id_on_host = ?");
  if (!forget.ok()) return forget.status();
  return forget->BindText(id_on_host).Finish();
}

absl::StatusOr<std::vector<Store::PendingCancel>> SqliteStore::Cancels() {
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT cancels.tell_id, id_on_host, host, session_id, from_team, to_team FROM cancels "
      "JOIN tells USING (tell_id) JOIN sessions USING (session_id)");
  if (!query.ok()) return query.status();
  std::vector<PendingCancel> cancels;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return cancels;
    cancels.push_back({.tell_id = query->Bytes(0),
                       .id_on_host = query->Bytes(1),
                       .host = query->Bytes(2),
                       .session_id = query->Bytes(3),
                       .from = query->Bytes(4),
                       .to = query->Bytes(5)});
  }
}

}  // namespace iris
