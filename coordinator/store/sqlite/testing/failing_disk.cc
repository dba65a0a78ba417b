#include "coordinator/store/sqlite/testing/failing_disk.h"

#include <sqlite3.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "coordinator/store/sqlite/testing/vfs_file.h"

namespace iris {
namespace {

int Write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  FailingDisk& disk = DiskOf<FailingDisk>(file);
  const int code = disk.NextWrite(SQLITE_IOERR_WRITE, at + bytes);
  disk.CountBytes(bytes);
  return code != SQLITE_OK ? code : Real(file)->pMethods->xWrite(Real(file), from, bytes, at);
}

int Truncate(sqlite3_file* file, sqlite3_int64 bytes) {
  const int code = DiskOf<FailingDisk>(file).NextWrite(SQLITE_IOERR_TRUNCATE);
  return code != SQLITE_OK ? code : Real(file)->pMethods->xTruncate(Real(file), bytes);
}

int Sync(sqlite3_file* file, int) { return DiskOf<FailingDisk>(file).NextSync(); }

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
  file->pMethods = nullptr;
  if ((flags & SQLITE_OPEN_CREATE) != 0) {
    const int code = DiskOf<FailingDisk>(vfs).NextWrite(SQLITE_CANTOPEN);
    if (code != SQLITE_OK) return code;
  }
  return OpenReal(vfs, path, file, flags, out_flags, Methods());
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  const int code = DiskOf<FailingDisk>(vfs).NextWrite(SQLITE_IOERR_DELETE);
  return code != SQLITE_OK ? code : Real(vfs)->xDelete(Real(vfs), path, sync_directory);
}

std::string NextName() {
  static int made = 0;
  return absl::StrCat("failing-disk-", ++made);
}

}  // namespace

FailingDisk::FailingDisk() : name_(NextName()), vfs_(RealVfs(name_, this)) {
  vfs_->xOpen = Open;
  vfs_->xDelete = Delete;
  Register(*vfs_);
}

FailingDisk::~FailingDisk() { sqlite3_vfs_unregister(vfs_.get()); }

void FailingDisk::Fail(Trouble trouble) {
  Fail(trouble, writes_, std::numeric_limits<uint64_t>::max());
}

void FailingDisk::FailAfter(uint64_t healthy, uint64_t failing, Trouble trouble) {
  Fail(trouble, writes_ + healthy, writes_ + healthy + failing);
}

void FailingDisk::Fail(Trouble trouble, uint64_t from, uint64_t to) {
  trouble_ = trouble;
  fails_from_ = from;
  fails_to_ = to;
}

int FailingDisk::NextSync() {
  ++syncs_;
  return NextWrite(SQLITE_IOERR_FSYNC);
}

void FailingDisk::Heal() {
  Fail({}, 0, 0);
  room_ = std::numeric_limits<int64_t>::max();
}

int FailingDisk::NextWrite(int io_error, int64_t file_bytes) {
  const uint64_t number = writes_++;
  if (file_bytes > room_) {
    ++failed_;
    return SQLITE_FULL;
  }
  if (number < fails_from_ || number >= fails_to_) return SQLITE_OK;
  ++failed_;
  return trouble_ == Trouble::kFull ? SQLITE_FULL : io_error;
}

}  // namespace iris
