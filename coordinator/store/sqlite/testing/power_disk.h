#ifndef IRIS_COORDINATOR_STORE_SQLITE_TESTING_POWER_DISK_H_
#define IRIS_COORDINATOR_STORE_SQLITE_TESTING_POWER_DISK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace iris {

// The disk below a store, whose power fails when a test says so: a VFS of SQLite's around the real
// one. What was written to a file since it was last synced is lost then, or any part of it. That a
// file is made or removed is not lost.
//
// What is written elsewhere than through the VFS it does not know. Not thread-safe; outlives the
// stores on it.
class PowerDisk {
 public:
  // Whether a write that was not synced is on the disk all the same.
  using Reaches = std::function<bool()>;

  PowerDisk();
  ~PowerDisk();
  PowerDisk(const PowerDisk&) = delete;
  PowerDisk& operator=(const PowerDisk&) = delete;

  // For StoreOptions::vfs.
  const std::string& vfs() const { return name_; }

  // Every write fails from now on: what is open can only be closed.
  void Cut() { is_cut_ = true; }
  // With nothing open. It takes writes again, and what was written is there, synced or not: the
  // process was killed, and the power goes on.
  void GoOn() { is_cut_ = false; }
  // The same where the power failed. The files are what the disk has, which takes writes again.
  // `reaches` is asked of each write in turn; unset: none does.
  void Restore(const Reaches& reaches = nullptr);

  // For the VFS. `path` is of a file that is or was open.
  bool is_cut() const { return is_cut_; }
  void Know(const std::string& path);
  void Forget(const std::string& path) { files_.erase(path); }
  void OnWrite(const std::string& path, int64_t at, std::string bytes);
  void OnTruncate(const std::string& path, int64_t bytes);
  void OnSync(const std::string& path);

 private:
  struct Change {
    int64_t at = 0;
    std::string bytes;
    bool is_end = false;  // The file ends there.
    void ApplyTo(std::string& content) const;
  };
  struct File {
    std::string synced;
    std::vector<Change> since;
  };

  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::map<std::string, File> files_;  // By path.
  bool is_cut_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_TESTING_POWER_DISK_H_
