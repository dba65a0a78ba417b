// Tells until they are settled.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/tell_row.h"
#include "coordinator/store/store_trouble.h"

namespace iris {
namespace {

constexpr absl::string_view kFindTell =
    "SELECT tell_id, session_id, from_team, to_team, state, accepted_at, settled_at, fetched, "
    "dropped, wait_for_limit, wait_for_host, way, texts.head, texts.rest, not_before, waits, "
    "kind, detail, fix, limit_resets_at, nothing_ran, account, structured_bytes, "
    "outcomes.head, outcomes.rest, piece_bytes "
    "FROM tells JOIN sessions ON sessions.n = session JOIN texts ON texts.tell = tells.n "
    "LEFT JOIN outcomes ON outcomes.tell = tells.n LEFT JOIN put_off ON put_off.tell = tells.n "
    "WHERE tells.n = ?";
constexpr int kRestColumn = 24, kPieceBytesColumn = 25;

StoredTell TellFromRow(const Statement& row) {
  StoredTell tell{.tell_id = row.Bytes(0),
                  .session_id = row.Bytes(1),
                  .from = row.Bytes(2),
                  .to = row.Bytes(3),
                  .state = static_cast<TellState>(row.Int(4)),
                  .accepted_at = absl::FromUnixMillis(row.Int(5)),
                  .wait_for_limit = row.Int(9) != 0,
                  .wait_for_host = row.Int(10) != 0,
                  .way = row.Bytes(11),
                  .limit_waits = static_cast<int>(row.Int(15)),
                  .dropped = row.Int(8) != 0};
  if (!tell.dropped) tell.text = absl::StrCat(row.View(12), row.View(13));
  if (tell.limit_waits > 0) tell.not_before = absl::FromUnixMillis(row.Int(14));
  if (tell.state != TellState::kSettled) return tell;
  tell.settled_at = absl::FromUnixMillis(row.Int(6));
  tell.fetched = row.Int(7) != 0;
  tell.outcome = OutcomeFromRow(row, 16);
  tell.account = AccountFromRow(row, 21);
  tell.structured_bytes = static_cast<size_t>(row.Int(22));
  tell.answer = absl::StrCat(row.View(23), row.View(kRestColumn));
  return tell;
}

}  // namespace

absl::Status SqliteStore::AddTell(const NewTell& tell) {
  if (absl::Status found = database_->CheckPlace(); !found.ok()) return found;
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  if ((*known)->Find(tell.tell_id) != nullptr) return CheckIsSame(tell);
  absl::Status added = Write([&] { return InsertTell(**known, tell); });
  if (added.ok()) return added;
  // It may be there all the same. Then the next life takes it up, whatever the caller hears now.
  const absl::StatusOr<absl::optional<StoredTell>> there = FindTell(tell.tell_id);
  return there.ok() && there->has_value() ? CheckIsSame(tell) : added;
}

absl::Status SqliteStore::CheckIsSame(const NewTell& tell) {
  const absl::StatusOr<absl::optional<StoredTell>> there = FindTell(tell.tell_id);
  if (!there.ok()) return there.status();
  const bool is_same =
      there->has_value() && (*there)->session_id == tell.session_id && (*there)->text == tell.text;
  if (is_same) return absl::OkStatus();
  return WithTrouble(
      MakeFailure(v1::FAILURE_STORAGE,
                  absl::StrCat("the store ", options_.path, " has another message ", tell.tell_id)),
      StoreTrouble::kConflict);
}

absl::Status SqliteStore::InsertTell(KnownTells& known, const NewTell& tell) {
  const absl::StatusOr<int64_t> session = NumberOf(tell.session_id);
  if (!session.ok()) return session.status();
  const int64_t number = known.NextNumber(), now_ms = NowMs();
  absl::StatusOr<Statement> insert = database_->Prepare(
      "INSERT INTO tells (n, tell_id, session, state, accepted_at) VALUES (?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  insert->Bind(number).BindText(tell.tell_id).Bind(*session);
  absl::Status added = insert->Bind(static_cast<int64_t>(tell.state)).Bind(now_ms).Finish();
  if (!added.ok()) return added;
  absl::StatusOr<Statement> text =
      database_->Prepare("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)");
  if (!text.ok()) return text.status();
  const absl::string_view head = Preview(tell.text);
  text->Bind(number).Bind(tell.wait_for_limit).Bind(tell.wait_for_host).BindText(tell.way);
  text->BindBytes(head).BindBytes(absl::string_view(tell.text).substr(head.size()));
  if (added = text->Finish(); !added.ok()) return added;
  const bool is_new =
      known.Add({.number = number, .id = tell.tell_id, .session = *session, .accepted_ms = now_ms});
  Check(is_new, "a new message is in the store already");
  return added;
}

absl::StatusOr<absl::optional<StoredTell>> SqliteStore::FindTell(absl::string_view tell_id) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  const KnownTells::Tell* const tell = (*known)->Find(tell_id);
  if (tell == nullptr) return absl::optional<StoredTell>();
  absl::StatusOr<Statement> query = database_->Prepare(kFindTell);
  if (!query.ok()) return query.status();
  const absl::StatusOr<bool> found = query->Bind(tell->number).Step();
  if (!found.ok()) return found.status();
  if (!*found) return absl::optional<StoredTell>();
  StoredTell stored = TellFromRow(*query);
  const auto piece_bytes = static_cast<size_t>(query->Int(kPieceBytesColumn));
  if (piece_bytes == 0) return absl::make_optional(std::move(stored));
  absl::StatusOr<std::string> answer = PiecesOf(tell->number);
  if (!answer.ok()) return answer.status();
  if (answer->size() < piece_bytes) {
    return Damaged(absl::StrCat("has lost a part of the answer to ", tell_id));
  }
  answer->resize(piece_bytes);  // What was too long was cut off.
  absl::StrAppend(&*answer, query->View(kRestColumn));
  stored.answer = *std::move(answer);
  return absl::make_optional(std::move(stored));
}

absl::Status SqliteStore::MarkRunning(absl::string_view tell_id) {
  return Move(tell_id, TellState::kQueued, TellState::kRunning);
}

absl::Status SqliteStore::MarkQueued(absl::string_view tell_id) {
  return Move(tell_id, TellState::kRunning, TellState::kQueued);
}

absl::Status SqliteStore::Move(absl::string_view tell_id, TellState from, TellState to) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  const KnownTells::Tell* const tell = (*known)->Find(tell_id);
  if (tell == nullptr) return absl::OkStatus();
  return Write([&] {
    return Run("UPDATE tells SET state = ? WHERE n = ? AND state = ?",
               {static_cast<int64_t>(to), tell->number, static_cast<int64_t>(from)});
  });
}

absl::Status SqliteStore::PutOff(KnownTells& known, const Postponement& postponement) {
  const KnownTells::Tell* const tell = known.Find(postponement.tell_id);
  if (tell == nullptr) return NoSuchTell(postponement.tell_id);
  absl::Status noted =
      Run("INSERT OR REPLACE INTO put_off VALUES (?, ?, ?)",
          {tell->number, absl::ToUnixMillis(postponement.not_before), postponement.waits});
  if (noted.ok()) noted = MarkQueued(postponement.tell_id);
  return noted.ok() ? ForgetPieces(tell->number) : noted;
}

absl::Status SqliteStore::NoSuchTell(absl::string_view tell_id) const {
  return WithTrouble(MakeFailure(v1::FAILURE_STORAGE, absl::StrCat("the store ", options_.path,
                                                                   " has no message ", tell_id)),
                     StoreTrouble::kConflict);
}

absl::StatusOr<std::vector<std::string>> SqliteStore::OpenTells() {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  std::vector<std::string> ids;
  for (const int64_t open : (*known)->open()) ids.push_back((*known)->At(open).id);
  return ids;
}

absl::Status SqliteStore::NoteCancel(absl::string_view tell_id, absl::string_view id_on_host) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  const KnownTells::Tell* const tell = (*known)->Find(tell_id);
  if (tell == nullptr) return absl::OkStatus();
  return Write([&]() -> absl::Status {
    // Noted again it keeps its host: by then the session may have another one.
    absl::StatusOr<Statement> note = database_->Prepare(
        "INSERT INTO cancels (tell, id_on_host, host) VALUES "
        "(?, ?, coalesce((SELECT host FROM mark_places WHERE session = ?), '')) "
        "ON CONFLICT (tell) DO UPDATE SET id_on_host = excluded.id_on_host, host = excluded.host "
        "WHERE id_on_host != excluded.id_on_host");
    if (!note.ok()) return note.status();
    return note->Bind(tell->number).BindText(id_on_host).Bind(tell->session).Finish();
  });
}

absl::Status SqliteStore::ForgetCancel(absl::string_view id_on_host) {
  return Write([&]() -> absl::Status {
    absl::StatusOr<Statement> forget =
        database_->Prepare("DELETE FROM cancels WHERE id_on_host = ?");
    if (!forget.ok()) return forget.status();
    return forget->BindText(id_on_host).Finish();
  });
}

absl::StatusOr<std::vector<Store::PendingCancel>> SqliteStore::Cancels() {
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT tell_id, id_on_host, host, session_id, from_team, to_team FROM cancels "
      "JOIN tells ON tells.n = tell JOIN sessions ON sessions.n = session");
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
