// Checkpoints: how far sessions were read, what open tells have been answered so far, and which
// ended.

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/tell_row.h"

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

// As `pieces` has it.
constexpr size_t kTextAtMax = 0xffffffff;
int64_t PlaceOfPiece(int64_t tell, size_t text_at) {
  return (tell << 32) | static_cast<int64_t>(text_at);
}

}  // namespace

absl::Status SqliteStore::Save(const std::vector<Checkpoint>& checkpoints,
                               const std::vector<Settlement>& settlements,
                               const std::vector<Postponement>& postponements) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  return Write([&]() -> absl::Status {
    for (const Checkpoint& checkpoint : checkpoints) {
      if (absl::Status saved = SaveCheckpoint(**known, checkpoint); !saved.ok()) return saved;
    }
    for (const Postponement& postponement : postponements) {
      if (absl::Status saved = PutOff(**known, postponement); !saved.ok()) return saved;
    }
    for (const Settlement& settlement : settlements) {
      if (absl::Status saved = Settle(**known, settlement); !saved.ok()) return saved;
    }
    return TrimSettled(**known);
  });
}

void SqliteStore::ForgetUnsaved() { (void)database_->Run("PRAGMA wal_checkpoint(TRUNCATE)"); }

absl::Status SqliteStore::SaveCheckpoint(KnownTells& known, const Checkpoint& checkpoint) {
  const absl::StatusOr<int64_t> session = NumberOf(checkpoint.session_id);
  if (!session.ok()) return session.status();
  absl::Status saved = SavePlace(*session, checkpoint.mark);
  if (saved.ok()) saved = SaveEnd(*session, checkpoint.mark.turn.end);
  if (saved.ok()) saved = SaveState(*session, checkpoint.mark);
  const bool says_text = checkpoint.void_before || !checkpoint.text.empty();
  if (!saved.ok() || !says_text) return saved;
  const KnownTells::Tell* const tell = known.Find(checkpoint.tell_id);
  if (tell == nullptr) return NoSuchTell(checkpoint.tell_id);
  if (checkpoint.void_before) saved = ForgetPieces(tell->number);
  if (!saved.ok() || checkpoint.text.empty()) return saved;
  for (size_t at = 0; at < checkpoint.text.size(); at += kPieceBytesMax) {
    // OR REPLACE: it may be there already, where an earlier Save() failed after its commit.
    absl::StatusOr<Statement> add =
        database_->Prepare("INSERT OR REPLACE INTO pieces (place, bytes) VALUES (?, ?)");
    if (!add.ok()) return add.status();
    absl::Status added = add->Bind(PlaceOfPiece(tell->number, checkpoint.text_at + at))
                             .BindBytes(checkpoint.text.substr(at, kPieceBytesMax))
                             .Finish();
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::SaveState(int64_t session, const ReadMark& mark) {
  absl::StatusOr<Statement> save = database_->Prepare(
      "INSERT INTO session_states (session, seq, in_flight, any_text, last_text, "
      "structured_bytes, broken, skips_line, begun, account, tools, spent_micro_usd) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session) DO UPDATE "
      "SET seq = excluded.seq, in_flight = excluded.in_flight, any_text = excluded.any_text, "
      "last_text = excluded.last_text, structured_bytes = excluded.structured_bytes, "
      "broken = excluded.broken, skips_line = excluded.skips_line, begun = excluded.begun, "
      "account = excluded.account, tools = excluded.tools, "
      "spent_micro_usd = excluded.spent_micro_usd");
  if (!save.ok()) return save.status();
  save->Bind(session).Bind(static_cast<int64_t>(mark.seq)).BindText(mark.in_flight);
  save->Bind(mark.turn.any_text).Bind(static_cast<int64_t>(mark.turn.last_text));
  save->Bind(static_cast<int64_t>(mark.turn.structured_bytes));
  save->BindText(kLosses[static_cast<size_t>(mark.turn.loss)]).Bind(mark.turn.skips_line);
  save->BindText(mark.begun);
  const SharedText& account = mark.turn.account;
  save->BindBytes(account == nullptr ? absl::string_view() : absl::string_view(*account));
  return save->Bind(static_cast<int64_t>(mark.turn.tools)).Bind(mark.turn.spent_micro_usd).Finish();
}

absl::Status SqliteStore::SavePlace(int64_t session, const ReadMark& mark) {
  MarkPlace place{
      .journal_id = mark.journal_id, .incarnation = mark.incarnation, .host = mark.host};
  const auto stored = places_.find(session);
  if (stored != places_.end() && stored->second == place) return absl::OkStatus();
  absl::StatusOr<Statement> save =
      database_->Prepare("INSERT OR REPLACE INTO mark_places VALUES (?, ?, ?, ?, ?)");
  if (!save.ok()) return save.status();
  save->Bind(session).BindText(place.journal_id).BindText(place.incarnation);
  absl::Status saved = save->BindText(place.host.key).BindText(place.host.name).Finish();
  if (saved.ok()) places_[session] = std::move(place);
  return saved;
}

// It may be as long as an answer, and marks come many times a second.
absl::Status SqliteStore::SaveEnd(int64_t session, const SharedText& end) {
  const auto stored = ends_.find(session);
  if (stored != ends_.end() && stored->second == end) return absl::OkStatus();
  absl::StatusOr<Statement> save =
      database_->Prepare(end == nullptr ? "DELETE FROM mark_ends WHERE session = ?"
                                        : "INSERT OR REPLACE INTO mark_ends VALUES (?, ?)");
  if (!save.ok()) return save.status();
  save->Bind(session);
  if (end != nullptr) save->BindBytes(*end);
  absl::Status saved = save->Finish();
  if (saved.ok()) ends_[session] = end;
  return saved;
}

absl::Status SqliteStore::ForgetPieces(int64_t tell, size_t text_at) {
  return Run("DELETE FROM pieces WHERE place BETWEEN ? AND ?",
             {PlaceOfPiece(tell, text_at), PlaceOfPiece(tell, kTextAtMax)});
}

absl::StatusOr<std::string> SqliteStore::PiecesOf(int64_t tell) {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT bytes FROM pieces WHERE place BETWEEN ? AND ? ORDER BY place");
  if (!query.ok()) return query.status();
  query->Bind(PlaceOfPiece(tell, 0)).Bind(PlaceOfPiece(tell, kTextAtMax));
  std::string text;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return text;
    absl::StrAppend(&text, query->View(0));
  }
}

absl::StatusOr<size_t> SqliteStore::KeepPieces(int64_t tell, const Settlement& settlement) {
  size_t kept = settlement.stored_bytes;
  if (kept < kKeptAsPiecesBytesMin) kept = 0;
  if (absl::Status status = ForgetPieces(tell, kept); !status.ok()) return status;
  if (kept == 0) return kept;
  // Nothing of them is read for that.
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT coalesce(sum(length(bytes)), 0) FROM pieces WHERE place BETWEEN ? AND ?");
  if (!query.ok()) return query.status();
  query->Bind(PlaceOfPiece(tell, 0)).Bind(PlaceOfPiece(tell, kTextAtMax));
  if (absl::Status status = query->Step().status(); !status.ok()) return status;
  if (query->Int(0) >= static_cast<int64_t>(kept)) return kept;
  LogError("of the answer to ", settlement.tell_id, " less is stored than was said");
  if (absl::Status status = ForgetPieces(tell); !status.ok()) return status;
  return 0;
}

absl::StatusOr<ReadMark> SqliteStore::FindMark(absl::string_view session_id) {
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT journal_id, incarnation, seq, in_flight, any_text, broken, skips_line, last_text, "
      "structured_bytes, bytes, host, host_name, begun, account, tools, "
      "coalesce(spent_micro_usd, -1) "
      "FROM sessions LEFT JOIN session_states ON session_states.session = n "
      "LEFT JOIN mark_places ON mark_places.session = n LEFT JOIN mark_ends ON mark_ends.session = "
      "n "
      "WHERE session_id = ?");
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
  return Write([&]() -> absl::Status {
    const int64_t now_ms = NowMs();
    absl::StatusOr<Statement> note =
        database_->Prepare("INSERT OR REPLACE INTO answered (team, way, at) VALUES (?, ?, ?)");
    if (!note.ok()) return note.status();
    absl::Status noted = note->BindText(team).BindText(way).Bind(now_ms).Finish();
    if (!noted.ok()) return noted;
    return Run("DELETE FROM answered WHERE at < ?",
               {now_ms - absl::ToInt64Milliseconds(kAnswerCounts)});
  });
}

absl::StatusOr<bool> SqliteStore::HasAnswered(absl::string_view team, absl::string_view way) {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT 1 FROM answered WHERE team = ? AND way = ? AND at >= ?");
  if (!query.ok()) return query.status();
  query->BindText(team).BindText(way);
  return query->Bind(NowMs() - absl::ToInt64Milliseconds(kAnswerCounts)).Step();
}

absl::StatusOr<std::string> SqliteStore::FindText(absl::string_view tell_id) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  const KnownTells::Tell* const tell = (*known)->Find(tell_id);
  if (tell == nullptr || tell->settled_seq != 0) return std::string();
  return PiecesOf(tell->number);
}

}  // namespace iris
