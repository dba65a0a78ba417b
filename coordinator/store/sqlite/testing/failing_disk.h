#ifndef IRIS_COORDINATOR_STORE_SQLITE_TESTING_FAILING_DISK_H_
#define IRIS_COORDINATOR_STORE_SQLITE_TESTING_FAILING_DISK_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

struct sqlite3_vfs;

namespace iris {

// The disk below a store, which fails when a test says so: a VFS of SQLite's around the real one.
// What counts as a write is what can fail where a disk is full or broken: writing, truncating and
// syncing a file, making one and removing one. Not thread-safe; outlives the stores on it.
class FailingDisk {
 public:
  enum class Trouble { kFull, kIoError };

  FailingDisk();
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  // For StoreOptions::vfs.
  const std::string& vfs() const { return name_; }

  // Every write fails from now on, until Heal().
  void Fail(Trouble trouble);
  // The writes from now on up to `healthy` of them go well; the next `failing` fail, and those
  // after them go well again.
  void FailAfter(uint64_t healthy, uint64_t failing, Trouble trouble);
  // No file may become longer than that: such a write fails as on a full disk.
  void SetRoom(int64_t file_bytes_max) { room_ = file_bytes_max; }
  void Heal();
  // All that were tried, and those that failed.
  uint64_t writes() const { return writes_; }
  uint64_t failed() const { return failed_; }
  // How often a file was synced.
  uint64_t syncs() const { return syncs_; }
  // What was written to files, as often as it was.
  uint64_t bytes_written() const { return bytes_written_; }

  // For the VFS: what the next write comes to, which makes a file at least so long; SQLITE_OK or an
  // error.
  int NextWrite(int io_error, int64_t file_bytes = 0);
  void CountBytes(uint64_t bytes) { bytes_written_ += bytes; }
  int NextSync();

 private:
  void Fail(Trouble trouble, uint64_t from, uint64_t to);

  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  uint64_t writes_ = 0;
  uint64_t failed_ = 0;
  uint64_t syncs_ = 0;
  uint64_t bytes_written_ = 0;
  uint64_t fails_from_ = 0, fails_to_ = 0;  // By writes_.
  Trouble trouble_ = Trouble::kFull;
  int64_t room_ = std::numeric_limits<int64_t>::max();
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_TESTING_FAILING_DISK_H_
