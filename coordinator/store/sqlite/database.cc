#include "coordinator/store/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/scoped_fd.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "coordinator/store/store_trouble.h"

namespace iris {
namespace {

constexpr int kBusyTimeoutMs = 2000;
constexpr size_t kIdleMax = 64;

std::string FixForSqlite(int code, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "Close the other program that has the file open.";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StrCat("Move it away (mv ", path, " ", path,
                          ".broken): a new one is made. The sessions and answers it held are lost "
                          "to iris.");
    case SQLITE_FULL:
      return "Free space on that disk.";
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "Make the file and its directory writable for you, or set IRIS_HOME to another "
             "directory.";
    default:
      return "";
  }
}

StoreTrouble TroubleFor(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CONSTRAINT:
      return StoreTrouble::kConflict;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return StoreTrouble::kLost;
    default:
      return StoreTrouble::kStorage;
  }
}

// The process that has locked the file; 0: none that can be seen from here. For who has no lock on
// the file itself: closing any descriptor of it drops all that this process has (fcntl(2)).
pid_t HolderOf(const std::string& path) {
  constexpr off_t kLocksAt = 0x40000000;  // https://sqlite.org/fileformat2.html#the_lock_byte_page
  constexpr off_t kLockBytes = 512;
  const ScopedFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct flock lock = {.l_type = F_WRLCK,
                       .l_whence = SEEK_SET,
                       .l_start = kLocksAt,
                       .l_len = kLockBytes,
                       .l_pid = 0};
  if (!fd || fcntl(fd.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid;
}

// SQLite would make the file with the umask's mode; its journals get the mode of the file.
absl::Status MakePrivateFile(const std::string& path) {
  const ScopedFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.valid() && fchmod(fd.get(), 0600) == 0) return absl::OkStatus();
  if (IsExhausted(errno)) return Exhausted(errno, absl::StrCat("cannot write ", path));
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("cannot write ", path, ": ", strerror(errno)),
                     FixForSqlite(errno == ENOSPC ? SQLITE_FULL : SQLITE_CANTOPEN, path));
}

bool IsOfDescriptors(int error) { return error == EMFILE || error == ENFILE; }

// EMFILE or ENFILE, where `code` of SQLite's comes of that; else 0. What SQLite remembers of the
// system may be of something that it did since, so the system is asked as well.
int NoDescriptors(sqlite3* db, int code) {
  const int kind = code & 0xff;
  if (kind != SQLITE_CANTOPEN && kind != SQLITE_IOERR) return 0;
  if (const int error = sqlite3_system_errno(db); IsOfDescriptors(error)) return error;
  const ScopedFd any(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return !any && IsOfDescriptors(errno) ? errno : 0;
}

bool HasRoomOnDisk(const std::string& path) {
  constexpr uint64_t kBytes = 1 << 20;
  struct statvfs disk;
  return statvfs(path.c_str(), &disk) == 0 && uint64_t{disk.f_bavail} * disk.f_frsize >= kBytes;
}

// Whether the limit on the size of a file stopped the write that `code` of SQLite's comes of, to
// the file or to its journal; or max_page_count, which follows that limit. sqlite3_system_errno()
// knows nothing of writes.
bool StoppedByFileSize(sqlite3* db, int code, const std::string& path) {
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  if (code == SQLITE_FULL) return HasRoomOnDisk(path);
  if (code != SQLITE_IOERR_WRITE) return false;
  int error = 0;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  if (error == EFBIG) return true;
  sqlite3_file* journal = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
  if (journal == nullptr || journal->pMethods == nullptr) return false;
  journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &error);
  return error == EFBIG;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const std::string& vfs) {
  if (absl::Status made = MakePrivateFile(path); !made.ok()) return made;
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   vfs.empty() ? nullptr : vfs.c_str());
  // SQLite hands out a handle even where it cannot open; only then is it null: no memory.
  std::unique_ptr<Database> database(new Database(db, path));
  if (code != SQLITE_OK) return database->Error("open it");
  struct stat file;
  if (stat(path.c_str(), &file) == 0) {
    database->device_ = file.st_dev;
    database->inode_ = file.st_ino;
  }
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  sqlite3_extended_result_codes(db, 1);
  return database;
}

Database::~Database() {
  for (const auto& [sql, stmt] : idle_) sqlite3_finalize(stmt);
  sqlite3_close(db_);
}

absl::Status Database::Run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return absl::OkStatus();
  return Error(sql);
}

absl::Status Database::RunOften(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  return statement.ok() ? statement->Finish() : statement.status();
}

absl::StatusOr<int64_t> Database::Pragma(absl::string_view name) const {
  const std::string sql = absl::StrCat("PRAGMA ", name);
  sqlite3_stmt* stmt = nullptr;
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &stmt, nullptr) != SQLITE_OK) return Error(sql);
  absl::StatusOr<int64_t> value;
  if (sqlite3_step(stmt) == SQLITE_ROW) {
    value = sqlite3_column_int64(stmt, 0);
  } else {
    value = Error(sql);
  }
  sqlite3_finalize(stmt);
  return value;
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  if (const auto idle = idle_.find(sql); idle != idle_.end()) {
    sqlite3_stmt* const known = idle->second;
    idle_.erase(idle);
    return Statement(*this, known);
  }
  sqlite3_stmt* stmt = nullptr;
  if (sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &stmt, nullptr) !=
      SQLITE_OK) {
    return Error(sql);
  }
  return Statement(*this, stmt);
}

void Database::TakeBack(sqlite3_stmt* stmt) {
  // The bindings refer to what its user had.
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  if (idle_.size() >= kIdleMax || !idle_.emplace(sqlite3_sql(stmt), stmt).second) {
    sqlite3_finalize(stmt);
  }
}

absl::Status Database::Begin(Durable durable) {
  // One that could not be rolled back when it failed must not stand in the way for ever.
  if (sqlite3_get_autocommit(db_) == 0) (void)Run("ROLLBACK");
  if (durable != durable_) {
    absl::Status set = Run(durable == Durable::kWhenCommitted ? "PRAGMA synchronous = FULL"
                                                              : "PRAGMA synchronous = NORMAL");
    if (!set.ok()) return set;
    durable_ = durable;
  }
  pages_before_ = pages_written();
  return RunOften("BEGIN IMMEDIATE");
}

absl::Status Database::Commit() {
  absl::Status committed = RunOften("COMMIT");
  // Where nothing was written nothing was synced either.
  if (committed.ok() && pages_written() != pages_before_) {
    is_synced_ = durable_ == Durable::kWhenCommitted;
  }
  return committed;
}

int Database::pages_written() const {
  int pages = 0, most = 0;
  sqlite3_db_status(db_, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &most, /*resetFlg=*/0);
  return pages;
}

absl::Status Database::Sync() {
  if (is_synced_) return absl::OkStatus();
  sqlite3_file* journal = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
  const bool is_open = journal != nullptr && journal->pMethods != nullptr;
  if (is_open && journal->pMethods->xSync(journal, SQLITE_SYNC_NORMAL) != SQLITE_OK) {
    return MakeFailure(v1::FAILURE_STORAGE,
                       absl::StrCat("the store ", path_,
                                    " fails: its disk does not say that it "
                                    "has what was written"),
                       "Look at that disk.");
  }
  is_synced_ = true;
  return absl::OkStatus();
}

bool Database::has_lock() const {
  int level = SQLITE_LOCK_NONE;
  return sqlite3_file_control(db_, "main", SQLITE_FCNTL_LOCKSTATE, &level) != SQLITE_OK ||
         level != SQLITE_LOCK_NONE;
}

absl::Status Database::CheckPlace() const {
  struct stat there;
  const bool is_there = stat(path_.c_str(), &there) == 0;
  // Whoever may not look, or cannot just now, knows nothing.
  if (!is_there && errno != ENOENT && errno != ENOTDIR) return absl::OkStatus();
  if (is_there && there.st_dev == device_ && there.st_ino == inode_) return absl::OkStatus();
  return WithTrouble(
      MakeFailure(
          v1::FAILURE_STORAGE,
          absl::StrCat("the store ", path_, " was removed or replaced while the coordinator runs"),
          "`iris stop`, then send it again: the next coordinator takes the store that is there by "
          "then, or makes a new one."),
      StoreTrouble::kLost);
}

absl::Status Database::Error(absl::string_view doing) const {
  const StoreTrouble trouble = TroubleFor(sqlite3_extended_errcode(db_));
  return WithTrouble(Describe(doing), trouble);
}

absl::Status Database::Describe(absl::string_view doing) const {
  const int code = sqlite3_extended_errcode(db_);
  if (const int error = NoDescriptors(db_, code); error != 0) {
    return Exhausted(error, absl::StrCat("the store ", path_, " cannot be used (", doing, ")"));
  }
  if (StoppedByFileSize(db_, code, path_)) {
    return DiskFailure(absl::StrCat("the store ", path_, " cannot be written (", doing, ")"),
                       strerror(EFBIG), "");
  }
  if ((code & 0xff) == SQLITE_BUSY && !has_lock()) {
    if (const pid_t holder = HolderOf(path_); holder > 0) {
      return MakeFailure(
          v1::FAILURE_STORAGE,
          absl::StrCat("the store ", path_, " is locked by pid ", holder, " (", doing, ")"),
          absl::StrCat("See what that is (ps ", holder, "), and end it."));
    }
  }
  return MakeFailure(
      v1::FAILURE_STORAGE,
      absl::StrCat("the store ", path_, " fails: ", sqlite3_errmsg(db_), " (", doing, ")"),
      FixForSqlite(code, path_));
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      stmt_(std::exchange(other.stmt_, nullptr)),
      bound_(other.bound_) {}

Statement::~Statement() {
  if (stmt_ != nullptr) database_.TakeBack(stmt_);
}

Statement& Statement::Bind(int64_t value) {
  sqlite3_bind_int64(stmt_, ++bound_, value);
  return *this;
}

Statement& Statement::BindText(absl::string_view value) {
  sqlite3_bind_text64(stmt_, ++bound_, value.data() == nullptr ? "" : value.data(), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBytes(absl::string_view value) {
  // A null pointer would bind NULL.
  sqlite3_bind_blob64(stmt_, ++bound_, value.data() == nullptr ? "" : value.data(), value.size(),
                      SQLITE_STATIC);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  switch (sqlite3_step(stmt_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return database_.Error(sqlite3_sql(stmt_));
  }
}

absl::Status Statement::Finish() { return Step().status(); }

int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_, column); }

absl::string_view Statement::View(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  if (data == nullptr) return "";
  return absl::string_view(static_cast<const char*>(data), sqlite3_column_bytes(stmt_, column));
}

Transaction::Transaction(Database& database, Durable durable)
    : database_(database),
      is_part_(database.in_transaction_),
      begun_(is_part_ ? absl::OkStatus() : database.Begin(durable)),
      open_(begun_.ok()) {
  if (open_) database_.in_transaction_ = true;
}

Transaction::~Transaction() {
  if (!open_) return;
  Close();
  if (is_part_) {
    database_.part_failed_ = true;
  } else {
    (void)database_.Run("ROLLBACK");
  }
}

void Transaction::Close() {
  open_ = false;
  if (!is_part_) database_.in_transaction_ = database_.part_failed_ = false;
}

absl::Status Transaction::Commit() {
  const bool part_failed = !is_part_ && database_.part_failed_;
  Close();
  if (is_part_) return absl::OkStatus();
  absl::Status committed =
      part_failed ? database_.Error("commit what failed in part") : database_.Commit();
  if (!committed.ok()) (void)database_.Run("ROLLBACK");
  return committed;
}

}  // namespace iris
