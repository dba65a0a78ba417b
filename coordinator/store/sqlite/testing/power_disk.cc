#include "coordinator/store/sqlite/testing/power_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/store/sqlite/testing/vfs_file.h"

namespace iris {
namespace {

PowerDisk& DiskOfFile(sqlite3_file* file) { return DiskOf<PowerDisk>(file); }

int Write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  PowerDisk& disk = DiskOfFile(file);
  if (disk.is_cut()) return SQLITE_IOERR_WRITE;
  if (const char* const path = Ours(file)->path; path != nullptr) {
    disk.OnWrite(path, at, std::string(static_cast<const char*>(from), bytes));
  }
  return Real(file)->pMethods->xWrite(Real(file), from, bytes, at);
}

int Truncate(sqlite3_file* file, sqlite3_int64 bytes) {
  PowerDisk& disk = DiskOfFile(file);
  if (disk.is_cut()) return SQLITE_IOERR_TRUNCATE;
  if (const char* const path = Ours(file)->path; path != nullptr) disk.OnTruncate(path, bytes);
  return Real(file)->pMethods->xTruncate(Real(file), bytes);
}

int Sync(sqlite3_file* file, int) {
  PowerDisk& disk = DiskOfFile(file);
  if (disk.is_cut()) return SQLITE_IOERR_FSYNC;
  if (const char* const path = Ours(file)->path; path != nullptr) disk.OnSync(path);
  return SQLITE_OK;
}

const sqlite3_io_methods& Methods() {
  static const sqlite3_io_methods methods = [] {
    sqlite3_io_methods methods = RealMethods();
    methods.xWrite = Write;
    methods.xTruncate = Truncate;
    methods.xSync = Sync;
    return methods;
  }();
  return methods;
}

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  // What SQLite makes for a moment has no name, or goes with its end.
  const bool stays = path != nullptr && (flags & SQLITE_OPEN_DELETEONCLOSE) == 0;
  const int code = OpenReal(vfs, path, file, flags, out_flags, Methods());
  if (file->pMethods == nullptr) return code;
  if (stays) {
    DiskOf<PowerDisk>(vfs).Know(path);
  } else {
    Ours(file)->path = nullptr;
  }
  return code;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  PowerDisk& disk = DiskOf<PowerDisk>(vfs);
  if (disk.is_cut()) return SQLITE_IOERR_DELETE;
  disk.Forget(path);
  return Real(vfs)->xDelete(Real(vfs), path, sync_directory);
}

std::string NextName() {
  static int made = 0;
  return absl::StrCat("power-disk-", ++made);
}

}  // namespace

PowerDisk::PowerDisk() : name_(NextName()), vfs_(RealVfs(name_, this)) {
  vfs_->xOpen = Open;
  vfs_->xDelete = Delete;
  Register(*vfs_);
}

PowerDisk::~PowerDisk() { sqlite3_vfs_unregister(vfs_.get()); }

void PowerDisk::Restore(const Reaches& reaches) {
  for (auto& [path, file] : files_) {
    for (const Change& change : std::exchange(file.since, {})) {
      if (reaches && reaches()) change.ApplyTo(file.synced);
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << file.synced;
  }
  is_cut_ = false;
}

void PowerDisk::Know(const std::string& path) {
  if (files_.count(path) > 0) return;  // Of an earlier life, with what that has not synced.
  std::ifstream there(path, std::ios::binary);
  files_[path].synced.assign(std::istreambuf_iterator<char>(there), {});
}

void PowerDisk::OnWrite(const std::string& path, int64_t at, std::string bytes) {
  files_[path].since.push_back({.at = at, .bytes = std::move(bytes)});
}

void PowerDisk::OnTruncate(const std::string& path, int64_t bytes) {
  files_[path].since.push_back({.at = bytes, .is_end = true});
}

void PowerDisk::OnSync(const std::string& path) {
  File& file = files_[path];
  for (const Change& change : std::exchange(file.since, {})) change.ApplyTo(file.synced);
}

void PowerDisk::Change::ApplyTo(std::string& content) const {
  if (is_end) return content.resize(at);
  content.resize(std::max(content.size(), static_cast<size_t>(at) + bytes.size()));
  content.replace(at, bytes.size(), bytes);
}

}  // namespace iris
