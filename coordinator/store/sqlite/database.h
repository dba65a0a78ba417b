#ifndef IRIS_COORDINATOR_STORE_SQLITE_DATABASE_H_
#define IRIS_COORDINATOR_STORE_SQLITE_DATABASE_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace iris {

class Statement;

// When what a transaction has written is durable.
enum class Durable {
  kWhenCommitted,
  kWhenSynced,  // Until then it outlives this process alone.
};

// One SQLite file. Every error is FAILURE_STORAGE (FAILURE_VERSION for a newer schema) and names
// the file, what SQLite said and what to do; TroubleOf() is by SQLite's code. Not thread-safe.
class Database {
 public:
  // Opens or makes `path`, whose directory exists, with mode 0600, and takes it for this process
  // alone. Waits up to 2 s for another process to let go of it. `vfs`: SQLite's name of what is
  // below it; empty: the operating system's files.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const std::string& vfs = "");
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that return nothing, separated by ';'.
  absl::Status Run(const char* sql);
  // One such statement, which stays prepared.
  absl::Status RunOften(absl::string_view sql);
  // One statement, to be bound and stepped. What was prepared before is used again: that takes as
  // long as all the rest of a small one.
  absl::StatusOr<Statement> Prepare(absl::string_view sql);

  // A number that SQLite knows of the file: "page_size". What it says is of now, which a statement
  // that was prepared before would not: SQLite looks at some when it prepares them.
  absl::StatusOr<int64_t> Pragma(absl::string_view name) const;

  // All that was committed is durable. Not what is written outside of transactions.
  bool is_synced() const { return is_synced_; }
  // Makes it so.
  absl::Status Sync();

  // FAILURE_STORAGE (kLost) where the file is not at its path any more, removed, moved or replaced:
  // what is written goes to a file that nobody finds again. One stat().
  absl::Status CheckPlace() const;

  // The failure of the last call, as `doing` something: "store the tell".
  absl::Status Error(absl::string_view doing) const;
  const std::string& path() const { return path_; }
  // A Transaction is open.
  bool in_transaction() const { return in_transaction_; }

 private:
  friend class Statement;

  Database(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  friend class Transaction;
  absl::Status Begin(Durable durable);
  absl::Status Commit();
  // Pages that were written to the file or to its journal, in this life.
  int pages_written() const;
  // As Error(), without its trouble.
  absl::Status Describe(absl::string_view doing) const;
  bool has_lock() const;  // Any, on the file.
  // A statement is not used any more.
  void TakeBack(sqlite3_stmt* stmt);

  sqlite3* const db_;
  const std::string path_;
  dev_t device_ = 0;  // Of the file, with its inode.
  ino_t inode_ = 0;
  std::map<std::string, sqlite3_stmt*, std::less<>> idle_;  // By their SQL; not too many.
  Durable durable_ = Durable::kWhenCommitted;               // Of the transactions from now on.
  int pages_before_ = 0;    // pages_written() when the last one began.
  bool is_synced_ = false;  // Before the first: what did a killed process leave?
  bool in_transaction_ = false;
  bool part_failed_ = false;  // Of the transaction that is open.
};

// A prepared statement. Parameters are bound from left to right, columns are read by number from 0.
// Used up by Step() returning false. Must not outlive its database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  ~Statement();

  Statement& Bind(int64_t value);
  // The bytes must stay until the statement is used up.
  Statement& BindText(absl::string_view value);
  Statement& BindBytes(absl::string_view value);

  // True: there is a row. False: done.
  absl::StatusOr<bool> Step();
  // Steps to the end of a statement that returns no rows.
  absl::Status Finish();

  int64_t Int(int column) const;
  // Text and blobs; empty for NULL. The view is good until the next step.
  absl::string_view View(int column) const;
  std::string Bytes(int column) const { return std::string(View(column)); }

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* stmt) : database_(database), stmt_(stmt) {}

  Database& database_;
  sqlite3_stmt* stmt_;
  int bound_ = 0;
};

// Everything between construction and Commit() happens or does not. One that is made while another
// is open is a part of that: it happens with it, is durable when that is, and where it is not
// committed, neither is the other one.
class Transaction {
 public:
  // A file without a write-ahead log has none that is kWhenSynced.
  explicit Transaction(Database& database, Durable durable = Durable::kWhenCommitted);
  ~Transaction();  // Rolls back what was not committed.
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Whether it could begin; check before anything else.
  const absl::Status& begun() const { return begun_; }
  // Once. What fails is rolled back.
  absl::Status Commit();

 private:
  void Close();

  Database& database_;
  const bool is_part_;
  const absl::Status begun_;
  bool open_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_DATABASE_H_
