#include "coordinator/store/sqlite/sqlite_store.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/store/sqlite/network_fs.h"
#include "coordinator/store/sqlite/schema.h"
#include "coordinator/store/sqlite/tell_row.h"
#include "coordinator/store/store_trouble.h"

namespace iris {
namespace {

constexpr absl::string_view kSessionColumns =
    "SELECT session_id, from_team, to_team, created_at, last_used_at, message_count FROM sessions ";

StoredSession SessionFromRow(const Statement& row) {
  StoredSession session{.session_id = row.Bytes(0),
                        .from = row.Bytes(1),
                        .to = row.Bytes(2),
                        .created_at = absl::FromUnixMillis(row.Int(3)),
                        .message_count = static_cast<uint64_t>(row.Int(5))};
  if (row.Int(4) != 0) session.last_used_at = absl::FromUnixMillis(row.Int(4));
  return session;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(StoreOptions options) {
  if (!options.on_network_fs) options.on_network_fs = IsOnNetworkFileSystem;
  const absl::Status made = EnsureOwnPath(options.path.substr(0, options.path.rfind('/')));
  if (!made.ok()) return Annotate(made, absl::StrCat("the store ", options.path));
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options.path, options.vfs);
  if (!database.ok()) return database.status();
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options), *std::move(database)));
  if (absl::Status status = store->ChooseJournal(); !status.ok()) return status;
  if (absl::Status status = store->MakeSchema(); !status.ok()) return status;
  if (absl::Status status = store->LoadCoordinator(); !status.ok()) return status;
  // What is stored can be read even where the disk takes no more.
  if (absl::Status status = store->KeepHouse(); !status.ok()) LogWarn(status.message());
  if (absl::Status status = store->MakeShrinkable(); !status.ok()) LogWarn(status.message());
  return store;
}

absl::Status SqliteStore::ChooseJournal() {
  // Exclusive before the file is looked at, and before WAL: then SQLite keeps the WAL's index in
  // its own memory, not in a shared map.
  absl::Status exclusive = database_->Run("PRAGMA locking_mode = EXCLUSIVE");
  if (!exclusive.ok()) return exclusive;
  const absl::StatusOr<int64_t> pages = Pragma("page_count");
  if (!pages.ok()) return pages.status();
  // What makes the file shrink comes before anything is in it. Later it would write each time,
  // which a full disk refuses.
  if (*pages == 0) {
    absl::Status shrinks = database_->Run("PRAGMA auto_vacuum = INCREMENTAL");
    if (!shrinks.ok()) return shrinks;
  }
  const char* setup =
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 16777216";
  if (options_.on_network_fs(options_.path)) {
    LogInfo("the store ", options_.path, " lies on a network file system: journal mode DELETE");
    setup =
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON";
  }
  if (absl::Status set = database_->Run(setup); !set.ok()) return set;
  return KeepBelowFileLimit();
}

// The limit on the size of a file (`ulimit -f`) holds for the file and for its journal, which is
// one transaction and what came before it. So that the file can always be changed, and its journal
// brought into it, it has half of that, and a journal begins anew at a quarter.
absl::Status SqliteStore::KeepBelowFileLimit() {
  constexpr rlim_t kPageBytes = 4096;
  constexpr rlim_t kJournalPagesMax = 1000;  // SQLite's own.
  constexpr rlim_t kPagesMax = 1'000'000'000;
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return absl::OkStatus();
  }
  const rlim_t pages = limit.rlim_cur / kPageBytes;
  const std::string setup = absl::StrCat(
      "PRAGMA max_page_count = ", std::clamp<rlim_t>(pages / 2, 1, kPagesMax),
      "; PRAGMA wal_autocheckpoint = ", std::clamp<rlim_t>(pages / 4, 1, kJournalPagesMax));
  return database_->Run(setup.c_str());
}

absl::Status SqliteStore::MakeSchema() {
  Transaction transaction(*database_);
  if (!transaction.begun().ok()) return transaction.begun();
  absl::StatusOr<Statement> query = database_->Prepare("PRAGMA user_version");
  if (!query.ok()) return query.status();
  if (absl::Status status = query->Step().status(); !status.ok()) return status;
  const int64_t version = query->Int(0);
  if (version > kSchemaVersion) {
    return MakeFailure(
        v1::FAILURE_VERSION,
        absl::StrCat("the store ", options_.path, " has schema ", version,
                     ", written by a newer iris; this one knows schema ", kSchemaVersion),
        "Use the newer iris, or set IRIS_HOME to another directory.");
  }
  if (version == kSchemaVersion) return absl::OkStatus();
  if (absl::Status status = query->Finish(); !status.ok()) return status;
  for (int64_t step = version; step < kSchemaVersion; ++step) {
    if (absl::Status status = database_->Run(kSchemaSteps[step]); !status.ok()) return status;
  }
  if (version == 0) {
    absl::StatusOr<Statement> insert =
        database_->Prepare("INSERT INTO coordinator (id) VALUES (?)");
    if (!insert.ok()) return insert.status();
    const std::string id = NewUuid();
    if (absl::Status status = insert->BindText(id).Finish(); !status.ok()) return status;
  }
  const std::string arrived = absl::StrCat("PRAGMA user_version = ", kSchemaVersion);
  if (absl::Status status = database_->Run(arrived.c_str()); !status.ok()) return status;
  return transaction.Commit();
}

absl::Status SqliteStore::LoadCoordinator() {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT id, age_ms, age_saved_at FROM coordinator");
  if (!query.ok()) return query.status();
  if (absl::Status status = query->Step().status(); !status.ok()) return status;
  coordinator_id_ = query->Bytes(0);
  // A new store has no age.
  const absl::Time now = options_.now();
  const absl::Time saved_at = query->Int(2) == 0 ? now : absl::FromUnixMillis(query->Int(2));
  age_ = AgeClock(options_.monotonic, absl::Milliseconds(query->Int(1)), saved_at, now);
  if (IsUuid(coordinator_id_)) return absl::OkStatus();
  return WithTrouble(
      MakeFailure(v1::FAILURE_STORAGE,
                  absl::StrCat("the store ", options_.path, " does not say whose it is"),
                  "Move it away: a new one is made."),
      StoreTrouble::kLost);
}

absl::Status SqliteStore::Together(absl::FunctionRef<absl::Status()> writes) {
  absl::Status written;
  {
    Transaction transaction(*database_);
    written = transaction.begun().ok() ? writes() : transaction.begun();
    if (written.ok()) written = transaction.Commit();
  }
  if (written.ok()) return written;
  // What its parts took for stored is not.
  kept_.reset();
  ends_.clear();
  return written;
}

absl::StatusOr<absl::optional<StoredSession>> SqliteStore::FindSession(absl::string_view from,
                                                                       absl::string_view to) {
  absl::StatusOr<Statement> query =
      database_->Prepare(absl::StrCat(kSessionColumns, "WHERE from_team = ? AND to_team = ?"));
  if (!query.ok()) return query.status();
  const absl::StatusOr<bool> found = query->BindText(from).BindText(to).Step();
  if (!found.ok()) return found.status();
  if (!*found) return absl::optional<StoredSession>();
  return absl::make_optional(SessionFromRow(*query));
}

absl::StatusOr<StoredSession> SqliteStore::GetOrCreateSession(absl::string_view from,
                                                              absl::string_view to) {
  absl::StatusOr<absl::optional<StoredSession>> found = FindSession(from, to);
  if (!found.ok()) return found.status();
  if (found->has_value()) return **std::move(found);
  absl::StatusOr<Statement> insert = database_->Prepare(
      "INSERT INTO sessions (session_id, from_team, to_team, created_at) VALUES (?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  const int64_t now_ms = NowMs();
  StoredSession session{.session_id = NewUuid(),
                        .from = std::string(from),
                        .to = std::string(to),
                        .created_at = absl::FromUnixMillis(now_ms),
                        .is_new = true};
  absl::Status added =
      insert->BindText(session.session_id).BindText(from).BindText(to).Bind(now_ms).Finish();
  if (!added.ok()) return added;
  return session;
}

absl::StatusOr<std::vector<StoredSession>> SqliteStore::Sessions() {
  absl::StatusOr<Statement> query = database_->Prepare(
      absl::StrCat(kSessionColumns, "ORDER BY last_used_at DESC, created_at DESC"));
  if (!query.ok()) return query.status();
  std::vector<StoredSession> sessions;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return sessions;
    sessions.push_back(SessionFromRow(*query));
  }
}

absl::Status SqliteStore::Settle(const Settlement& settlement, Kept& kept) {
  absl::StatusOr<Statement> update = database_->Prepare(
      "UPDATE tells SET state = 'settled', kind = ?, detail = ?, fix = ?, answer = ?, "
      "limit_resets_at = ?, nothing_ran = ?, answer_preview = ?, structured_bytes = ?, "
      "account = ?, "
      "settled_at = ?, settled_bytes = length(text) + ?, "
      "settled_seq = (SELECT coalesce(max(settled_seq), 0) + 1 FROM tells) "
      "WHERE tell_id = ? AND state != 'settled' RETURNING settled_bytes");
  if (!update.ok()) return update.status();
  const absl::string_view answer = settlement.answer;
  const std::string account = settlement.account.SerializeAsString();
  const Failure failure = settlement.outcome.ok() ? Failure() : ToProto(settlement.outcome);
  const int64_t now_ms = NowMs();
  // Not failure.kind(), which may be the nearest that older builds know.
  update->Bind(KindOf(failure)).BindText(failure.detail()).BindText(failure.fix());
  update->BindBytes(answer)
      .Bind(failure.rate_limit().resets_at_ms())
      .Bind(failure.rate_limit().nothing_ran())
      .BindText(Preview(answer))
      .Bind(static_cast<int64_t>(settlement.structured_bytes))
      .BindBytes(account)
      .Bind(now_ms)
      .Bind(static_cast<int64_t>(answer.size() + failure.detail().size() + failure.fix().size()));
  const absl::StatusOr<bool> was_open = update->BindText(settlement.tell_id).Step();
  if (!was_open.ok()) return was_open.status();
  if (!*was_open) {
    LogError("tell ", settlement.tell_id, " was settled twice, or is not there");
    return absl::OkStatus();
  }
  kept = {.tells = kept.tells + 1, .bytes = kept.bytes + update->Int(0)};
  if (absl::Status status = update->Finish(); !status.ok()) return status;
  absl::StatusOr<Statement> unfetched = database_->Prepare("INSERT INTO unfetched VALUES (?, ?)");
  if (!unfetched.ok()) return unfetched.status();
  absl::Status added = unfetched->BindText(settlement.tell_id).Bind(AgeMs()).Finish();
  if (!added.ok()) return added;
  if (!settlement.cancel_on_host.empty()) {
    absl::Status noted = NoteCancel(settlement.tell_id, settlement.cancel_on_host);
    if (!noted.ok()) return noted;
  }
  return CountMessage(settlement.tell_id, now_ms);
}

absl::Status SqliteStore::CountMessage(absl::string_view tell_id, int64_t now_ms) {
  absl::StatusOr<Statement> count = database_->Prepare(
      "UPDATE sessions SET message_count = message_count + 1, last_used_at = ? "
      "WHERE session_id = (SELECT session_id FROM tells WHERE tell_id = ?)");
  if (!count.ok()) return count.status();
  return count->Bind(now_ms).BindText(tell_id).Finish();
}

}  // namespace iris
