#include "coordinator/store/sqlite/sqlite_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/store/sqlite/network_fs.h"
#include "coordinator/store/sqlite/store_file.h"
#include "coordinator/store/store_trouble.h"

namespace iris {
namespace {

constexpr absl::string_view kSessionColumns =
    "SELECT session_id, from_team, to_team, created_at, last_used_at, message_count, n "
    "FROM sessions LEFT JOIN session_states ON session = n ";

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
  absl::StatusOr<std::unique_ptr<Database>> database =
      OpenStoreFile({.path = options.path,
                     .vfs = options.vfs,
                     .on_network_fs = options.on_network_fs,
                     .made_anew_bytes_max = options.made_anew_bytes_max});
  if (!database.ok()) return database.status();
  const bool has_log = !options.on_network_fs(options.path);
  std::unique_ptr<SqliteStore> store(
      new SqliteStore(std::move(options), *std::move(database), has_log));
  if (absl::Status status = store->LoadCoordinator(); !status.ok()) return status;
  // What is stored can be read even where the disk takes no more.
  if (absl::Status status = store->KeepHouse(); !status.ok()) LogWarn(status.message());
  // What an earlier life had not synced is said to whoever asks from now on.
  if (absl::Status status = store->Sync(); !status.ok()) LogWarn(status.message());
  return store;
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
  return Damaged("does not say whose it is");
}

absl::Status SqliteStore::Damaged(absl::string_view how) const {
  return WithTrouble(
      MakeFailure(v1::FAILURE_STORAGE, absl::StrCat("the store ", options_.path, " ", how),
                  "Move it away: a new one is made."),
      StoreTrouble::kLost);
}

absl::Status SqliteStore::Together(absl::FunctionRef<absl::Status()> writes) {
  return Write(writes);
}

absl::Status SqliteStore::TogetherUnsynced(absl::FunctionRef<absl::Status()> writes) {
  return Write(writes, has_log_ ? Durable::kWhenSynced : Durable::kWhenCommitted);
}

absl::Status SqliteStore::Write(absl::FunctionRef<absl::Status()> writes, Durable durable) {
  const bool is_part = database_->in_transaction();
  absl::Status written;
  {
    Transaction transaction(*database_, durable);
    written = transaction.begun().ok() ? writes() : transaction.begun();
    if (written.ok()) written = transaction.Commit();
  }
  // Of what its parts took for stored nothing may be, or all of it.
  if (!written.ok() && !is_part) ForgetKnown();
  return written;
}

absl::Status SqliteStore::Run(absl::string_view sql, std::initializer_list<int64_t> values) {
  absl::StatusOr<Statement> statement = database_->Prepare(sql);
  if (!statement.ok()) return statement.status();
  for (const int64_t value : values) statement->Bind(value);
  return statement->Finish();
}

void SqliteStore::ForgetKnown() {
  known_.reset();
  sessions_.clear();
  places_.clear();
  ends_.clear();
}

absl::StatusOr<KnownTells*> SqliteStore::Known() {
  if (known_.has_value()) return &*known_;
  absl::StatusOr<KnownTells> loaded = LoadTells();
  if (!loaded.ok()) return loaded.status();
  return &known_.emplace(*std::move(loaded));
}

absl::StatusOr<KnownTells> SqliteStore::LoadTells() {
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT n, tell_id, session, accepted_at, settled_seq, settled_bytes, settled_age_ms, "
      "fetched, dropped FROM tells");
  if (!query.ok()) return query.status();
  KnownTells known;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return known;
    const bool is_added = known.Add({.number = query->Int(0),
                                     .id = query->Bytes(1),
                                     .session = query->Int(2),
                                     .accepted_ms = query->Int(3),
                                     .settled_seq = query->Int(4),
                                     .bytes = query->Int(5),
                                     .age_ms = query->Int(6),
                                     .fetched = query->Int(7) != 0,
                                     .dropped = query->Int(8) != 0});
    if (!is_added) {
      return Damaged(absl::StrCat("has two messages for one: ", query->Bytes(1)));
    }
  }
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
  const int64_t now_ms = NowMs();
  StoredSession session{.session_id = NewUuid(),
                        .from = std::string(from),
                        .to = std::string(to),
                        .created_at = absl::FromUnixMillis(now_ms),
                        .is_new = true};
  const absl::Status added = Write([&]() -> absl::Status {
    absl::StatusOr<Statement> insert = database_->Prepare(
        "INSERT INTO sessions (session_id, from_team, to_team, created_at) VALUES (?, ?, ?, ?)");
    if (!insert.ok()) return insert.status();
    return insert->BindText(session.session_id).BindText(from).BindText(to).Bind(now_ms).Finish();
  });
  if (!added.ok()) return added;
  return session;
}

absl::StatusOr<int64_t> SqliteStore::NumberOf(const std::string& session_id) {
  if (const auto known = sessions_.find(session_id); known != sessions_.end()) return known->second;
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT n FROM sessions WHERE session_id = ?");
  if (!query.ok()) return query.status();
  const absl::StatusOr<bool> found = query->BindText(session_id).Step();
  if (!found.ok()) return found.status();
  if (*found) return sessions_[session_id] = query->Int(0);
  return WithTrouble(MakeFailure(v1::FAILURE_STORAGE, absl::StrCat("the store ", options_.path,
                                                                   " has no session ", session_id)),
                     StoreTrouble::kConflict);
}

// That a tell was accepted is not written with the session: as long as it is open it says so.
absl::StatusOr<std::vector<StoredSession>> SqliteStore::Sessions() {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  std::map<int64_t, absl::Time> accepted;
  for (const int64_t open : (*known)->open()) {
    const KnownTells::Tell& tell = (*known)->At(open);
    absl::Time& last = accepted.try_emplace(tell.session, absl::InfinitePast()).first->second;
    last = std::max(last, absl::FromUnixMillis(tell.accepted_ms));
  }
  absl::StatusOr<Statement> query = database_->Prepare(kSessionColumns);
  if (!query.ok()) return query.status();
  std::vector<StoredSession> sessions;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    StoredSession& session = sessions.emplace_back(SessionFromRow(*query));
    if (const auto open = accepted.find(query->Int(6)); open != accepted.end()) {
      session.last_used_at = std::max(session.last_used_at, open->second);
    }
  }
  std::stable_sort(
      sessions.begin(), sessions.end(), [](const StoredSession& a, const StoredSession& b) {
        return std::tie(a.last_used_at, a.created_at) > std::tie(b.last_used_at, b.created_at);
      });
  return sessions;
}

}  // namespace iris
