#include "coordinator/store/sqlite/store_file.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/store/sqlite/schema.h"

namespace iris {
namespace {

constexpr int64_t kPageBytes = 1024;
constexpr int64_t kJournalBytes = 4 << 20;  // Then it is brought into the file, and begins anew.

// What makes the file shrink, and its pages, come before anything is in it. Later they would write
// each time, which a full disk refuses.
absl::Status LayOut(Database& database) {
  const std::string layout =
      absl::StrCat("PRAGMA page_size = ", kPageBytes, "; PRAGMA auto_vacuum = INCREMENTAL");
  return database.Run(layout.c_str());
}

// What is deleted is overwritten where that costs no write; else its place is used again soon.
absl::Status ChooseJournal(Database& database, bool on_network_fs) {
  const char* const setup = on_network_fs
                                ? "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
                                  "PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST"
                                : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST;"
                                  "PRAGMA journal_size_limit = 16777216";
  return database.Run(setup);
}

// The limit on the size of a file (`ulimit -f`) holds for the file and for its journal, which is
// one transaction and what came before it. So that the file can always be changed, and its journal
// brought into it, it has half of that, and a journal begins anew at a quarter.
absl::Status SetBounds(Database& database) {
  constexpr int64_t kPagesMax = 1'000'000'000;
  const absl::StatusOr<int64_t> page_bytes = database.Pragma("page_size");
  if (!page_bytes.ok()) return page_bytes.status();
  int64_t pages_max = kPagesMax, journal_pages = kJournalBytes / *page_bytes;
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    const auto pages = static_cast<int64_t>(limit.rlim_cur / static_cast<rlim_t>(*page_bytes));
    pages_max = std::clamp<int64_t>(pages / 2, 1, kPagesMax);
    journal_pages = std::clamp<int64_t>(pages / 4, 1, journal_pages);
  }
  const std::string setup = absl::StrCat("PRAGMA max_page_count = ", pages_max,
                                         "; PRAGMA wal_autocheckpoint = ", journal_pages);
  return database.Run(setup.c_str());
}

absl::Status RunSteps(Database& database, int64_t version) {
  if (version > 0) {
    for (size_t step = version; step < std::size(kSchemaSteps); ++step) {
      if (absl::Status status = database.Run(kSchemaSteps[step]); !status.ok()) return status;
    }
    if (absl::Status status = database.Run(kSetAside); !status.ok()) return status;
  }
  if (absl::Status status = database.Run(kTables); !status.ok()) return status;
  if (version > 0) return database.Run(kTakeOver);
  absl::StatusOr<Statement> insert = database.Prepare("INSERT INTO coordinator (id) VALUES (?)");
  if (!insert.ok()) return insert.status();
  const std::string id = NewUuid();
  return insert->BindText(id).Finish();
}

std::string NeedsRoom(Database& database) {
  const absl::StatusOr<int64_t> page_bytes = database.Pragma("page_size"),
                                pages = database.Pragma("page_count");
  const std::string what = "to take over the store of an earlier iris";
  if (!page_bytes.ok() || !pages.ok()) return what;
  return absl::StrCat(what, ", which needs as much room again (", (*pages * *page_bytes >> 20) + 1,
                      " MiB)");
}

absl::Status MakeSchema(Database& database) {
  Transaction transaction(database);
  if (!transaction.begun().ok()) return transaction.begun();
  const absl::StatusOr<int64_t> version = database.Pragma("user_version");
  if (!version.ok()) return version.status();
  if (*version > kSchemaVersion) {
    return MakeFailure(
        v1::FAILURE_VERSION,
        absl::StrCat("the store ", database.path(), " has schema ", *version,
                     ", written by a newer iris; this one knows schema ", kSchemaVersion),
        "Use the newer iris, or set IRIS_HOME to another directory.");
  }
  if (*version == kSchemaVersion) return absl::OkStatus();
  if (absl::Status status = RunSteps(database, *version); !status.ok()) {
    return *version == 0 ? status : Annotate(status, NeedsRoom(database));
  }
  const std::string arrived = absl::StrCat("PRAGMA user_version = ", kSchemaVersion);
  if (absl::Status status = database.Run(arrived.c_str()); !status.ok()) return status;
  return transaction.Commit();
}

// A file of an earlier version. A large one has to wait until it holds less.
absl::StatusOr<bool> IsToBeMadeAnew(Database& database, int64_t bytes_max) {
  const absl::StatusOr<int64_t> page_bytes = database.Pragma("page_size"),
                                mode = database.Pragma("auto_vacuum"),
                                pages = database.Pragma("page_count"),
                                free = database.Pragma("freelist_count");
  for (const absl::Status& status :
       {page_bytes.status(), mode.status(), pages.status(), free.status()}) {
    if (!status.ok()) return status;
  }
  const bool is_laid_out = *page_bytes == kPageBytes && *mode != 0;
  return !is_laid_out && (*pages - *free) * *page_bytes <= bytes_max;
}

// In the other journal mode: with a write-ahead log pages keep their size.
absl::Status MakeAnew(Database& database, const StoreFile& file) {
  const absl::StatusOr<bool> is_due = IsToBeMadeAnew(database, file.made_anew_bytes_max);
  if (!is_due.ok() || !*is_due) return is_due.status();
  absl::Status made = database.Run("PRAGMA journal_mode = DELETE");
  if (made.ok()) made = LayOut(database);
  if (made.ok()) made = database.Run("VACUUM");
  const absl::Status restored = ChooseJournal(database, file.on_network_fs(file.path));
  return made.ok() ? restored : made;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenStoreFile(const StoreFile& file) {
  absl::StatusOr<std::unique_ptr<Database>> opened = Database::Open(file.path, file.vfs);
  if (!opened.ok()) return opened;
  Database& database = **opened;
  // Exclusive before the file is looked at, and before WAL: then SQLite keeps the WAL's index in
  // its own memory, not in a shared map.
  absl::Status status = database.Run("PRAGMA locking_mode = EXCLUSIVE");
  if (!status.ok()) return status;
  const absl::StatusOr<int64_t> pages = database.Pragma("page_count");
  if (!pages.ok()) return pages.status();
  if (*pages == 0) status = LayOut(database);
  const bool on_network_fs = file.on_network_fs(file.path);
  if (on_network_fs) {
    LogInfo("the store ", file.path, " lies on a network file system: journal mode DELETE");
  }
  if (status.ok()) status = ChooseJournal(database, on_network_fs);
  // Before its bounds: to take over a file of an earlier version needs more.
  if (status.ok()) status = MakeSchema(database);
  if (!status.ok()) return status;
  // What is stored can be read even where the disk takes no more.
  if (status = MakeAnew(database, file); !status.ok()) LogWarn(status.message());
  if (status = SetBounds(database); !status.ok()) return status;
  return opened;
}

}  // namespace iris
