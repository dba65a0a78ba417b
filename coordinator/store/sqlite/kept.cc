// What is settled: how much of it is kept, and for how long.

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/store/sqlite/sqlite_store.h"

namespace iris {
namespace {

constexpr int64_t kVacuumBytesMax = 64 << 20;
constexpr int64_t kFreeBytesKept = 1 << 20;  // It is about to be used again.
constexpr int64_t kGivenBackAtOnce = 1 << 20;
constexpr char kFixDropped[] = "Ask the team what it answered: it knows the conversation.";

}  // namespace

absl::Status SqliteStore::Run(absl::string_view sql, std::initializer_list<int64_t> values) {
  absl::StatusOr<Statement> statement = database_->Prepare(sql);
  if (!statement.ok()) return statement.status();
  for (const int64_t value : values) statement->Bind(value);
  return statement->Finish();
}

absl::StatusOr<int64_t> SqliteStore::Pragma(absl::string_view name) {
  absl::StatusOr<Statement> query = database_->Prepare(absl::StrCat("PRAGMA ", name));
  if (!query.ok()) return query.status();
  if (absl::Status status = query->Step().status(); !status.ok()) return status;
  return query->Int(0);
}

// A file of an earlier version is made anew, which takes as long as what is in it: a large one has
// to wait until it holds less.
absl::Status SqliteStore::MakeShrinkable() {
  const absl::StatusOr<int64_t> mode = Pragma("auto_vacuum"), pages = Pragma("page_count"),
                                free = Pragma("freelist_count"), bytes = Pragma("page_size");
  for (const absl::Status& status :
       {mode.status(), pages.status(), free.status(), bytes.status()}) {
    if (!status.ok()) return status;
  }
  if (*mode != 0 || (*pages - *free) * *bytes > kVacuumBytesMax) return absl::OkStatus();
  return database_->Run("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
}

absl::StatusOr<bool> SqliteStore::GiveBackRoom() {
  const absl::StatusOr<int64_t> mode = Pragma("auto_vacuum"), free = Pragma("freelist_count"),
                                bytes = Pragma("page_size");
  for (const absl::Status& status : {mode.status(), free.status(), bytes.status()}) {
    if (!status.ok()) return status;
  }
  if (*mode == 0 || *free * *bytes < kFreeBytesKept) return false;
  const std::string some =
      absl::StrCat("PRAGMA incremental_vacuum(", kGivenBackAtOnce / *bytes, ")");
  if (absl::Status status = database_->Run(some.c_str()); !status.ok()) return status;
  return *free * *bytes - kGivenBackAtOnce >= kFreeBytesKept;
}

absl::StatusOr<SqliteStore::Kept> SqliteStore::CountKept() {
  absl::StatusOr<Statement> count = database_->Prepare(
      "SELECT count(*), coalesce(sum(settled_bytes), 0) FROM tells "
      "WHERE settled_seq IS NOT NULL AND dropped = 0");
  if (!count.ok()) return count.status();
  if (absl::Status status = count->Step().status(); !status.ok()) return status;
  return Kept{.tells = count->Int(0), .bytes = count->Int(1)};
}

absl::StatusOr<SqliteStore::Kept> SqliteStore::TrimSettled(Kept kept) {
  const auto too_much = [&] {
    return kept.tells > 1 &&
           (kept.tells > options_.settled_tells_max || kept.bytes > options_.settled_bytes_max);
  };
  for (const bool fetched : {true, false}) {
    while (too_much()) {
      const absl::StatusOr<bool> forgot = ForgetOne(fetched, kept);
      if (!forgot.ok()) return forgot.status();
      if (!*forgot) break;
    }
  }
  return kept;
}

absl::StatusOr<bool> SqliteStore::ForgetOne(bool fetched, Kept& kept) {
  absl::StatusOr<Statement> oldest = database_->Prepare(
      fetched ? "SELECT tell_id, settled_bytes FROM tells "
                "WHERE settled_seq IS NOT NULL AND dropped = 0 "
                "AND NOT EXISTS (SELECT 1 FROM unfetched WHERE unfetched.tell_id = tells.tell_id) "
                "ORDER BY settled_seq LIMIT 1"
              : "SELECT tell_id, settled_bytes FROM tells "
                "WHERE settled_seq IS NOT NULL AND dropped = 0 ORDER BY settled_seq LIMIT 1");
  if (!oldest.ok()) return oldest.status();
  const absl::StatusOr<bool> found = oldest->Step();
  if (!found.ok() || !*found) return found;
  const std::string tell_id = oldest->Bytes(0);
  kept = {.tells = kept.tells - 1, .bytes = kept.bytes - oldest->Int(1)};
  if (!fetched) {
    if (absl::Status dropped = Drop(tell_id, "for want of room"); !dropped.ok()) return dropped;
    return true;
  }
  absl::StatusOr<Statement> remove = database_->Prepare("DELETE FROM tells WHERE tell_id = ?");
  if (!remove.ok()) return remove.status();
  if (absl::Status status = remove->BindText(tell_id).Finish(); !status.ok()) return status;
  return true;
}

// What failed stays a failure of its own kind; only an answer that is gone becomes one.
absl::Status SqliteStore::Drop(absl::string_view tell_id, absl::string_view why) {
  LogWarn("the answer to ", tell_id, ", which nobody fetched, was dropped ", why);
  absl::StatusOr<Statement> drop = database_->Prepare(
      "UPDATE tells SET dropped = 1, text = x'', answer = x'', answer_preview = '', "
      "structured_bytes = 0, settled_bytes = 0, "
      "detail = CASE kind WHEN 0 THEN ? ELSE detail END, "
      "fix = CASE kind WHEN 0 THEN ? ELSE fix END, "
      "kind = CASE kind WHEN 0 THEN ? ELSE kind END WHERE tell_id = ?");
  if (!drop.ok()) return drop.status();
  const std::string detail =
      absl::StrCat("the team answered, nobody fetched the answer, and it was dropped ", why);
  return drop->BindText(detail)
      .BindText(kFixDropped)
      .Bind(v1::FAILURE_STORAGE)
      .BindText(tell_id)
      .Finish();
}

absl::Status SqliteStore::MarkFetched(absl::string_view tell_id) {
  constexpr absl::string_view kFetched = "DELETE FROM unfetched WHERE tell_id = ?";
  if (database_->in_transaction()) {
    absl::StatusOr<Statement> fetched = database_->Prepare(kFetched);
    return fetched.ok() ? fetched->BindText(tell_id).Finish() : fetched.status();
  }
  // A tell in hand must not wait for the disk once more.
  if (absl::Status status = database_->Run("PRAGMA synchronous = NORMAL"); !status.ok()) {
    return status;
  }
  absl::StatusOr<Statement> fetched = database_->Prepare(kFetched);
  const absl::Status done = fetched.ok() ? fetched->BindText(tell_id).Finish() : fetched.status();
  const absl::Status restored = database_->Run("PRAGMA synchronous = FULL");
  return done.ok() ? restored : done;
}

absl::Status SqliteStore::KeepHouse() {
  Transaction transaction(*database_);
  if (!transaction.begun().ok()) return transaction.begun();
  const int64_t now_ms = AgeMs(),
                age_max_ms = absl::ToInt64Milliseconds(options_.unfetched_age_max);
  absl::Status status =
      Run("UPDATE coordinator SET age_ms = ?, age_saved_at = ?", {now_ms, NowMs()});
  if (!status.ok()) return status;
  // CROSS: only those that are too old are looked up among the tells.
  absl::StatusOr<Statement> old = database_->Prepare(
      "SELECT tell_id FROM unfetched CROSS JOIN tells USING (tell_id) "
      "WHERE settled_age_ms <= ? AND dropped = 0");
  if (!old.ok()) return old.status();
  old->Bind(now_ms - age_max_ms);
  std::vector<std::string> too_old;
  while (true) {
    const absl::StatusOr<bool> row = old->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    too_old.push_back(old->Bytes(0));
  }
  for (const std::string& tell_id : too_old) {
    status = Drop(tell_id, "when it was too old");
    if (!status.ok()) return status;
  }
  status =
      Run("DELETE FROM tells WHERE dropped = 1 AND NOT EXISTS (SELECT 1 FROM unfetched "
          "WHERE unfetched.tell_id = tells.tell_id AND settled_age_ms > ?)",
          {now_ms - 2 * age_max_ms});
  if (!status.ok()) return status;
  status =
      Run("DELETE FROM tells WHERE dropped = 1 AND settled_seq <= (SELECT settled_seq FROM tells "
          "WHERE dropped = 1 ORDER BY settled_seq DESC LIMIT 1 OFFSET ?)",
          {options_.dropped_tells_max});
  if (!status.ok()) return status;
  kept_.reset();
  return transaction.Commit();
}

}  // namespace iris
