#include "coordinator/store/sqlite/testing/failing_disk.h"

#include <sqlite3.h>

#include <cstdlib>
#include <limits>

#include "absl/strings/str_cat.h"

namespace iris {
namespace {

// Ours, and behind it in the same memory the real one.
struct File {
  sqlite3_file base;
  FailingDisk* disk;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* Ours(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Ours(file)->real(); }
sqlite3_vfs* Real(sqlite3_vfs*) { return sqlite3_vfs_find(nullptr); }
FailingDisk& DiskOf(sqlite3_vfs* vfs) { return *static_cast<FailingDisk*>(vfs->pAppData); }

int Close(sqlite3_file* file) { return Real(file)->pMethods->xClose(Real(file)); }
int Read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return Real(file)->pMethods->xRead(Real(file), to, bytes, at);
}
int Write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  const int code = Ours(file)->disk->NextWrite(SQLITE_IOERR_WRITE, at + bytes);
  Ours(file)->disk->CountBytes(bytes);
  return code != SQLITE_OK ? code : Real(file)->pMethods->xWrite(Real(file), from, bytes, at);
}
int Truncate(sqlite3_file* file, sqlite3_int64 bytes) {
  const int code = Ours(file)->disk->NextWrite(SQLITE_IOERR_TRUNCATE);
  return code != SQLITE_OK ? code : Real(file)->pMethods->xTruncate(Real(file), bytes);
}
// Files of tests are not to be synced: that takes long and shows nothing.
int Sync(sqlite3_file* file, int) { return Ours(file)->disk->NextSync(); }
int FileSize(sqlite3_file* file, sqlite3_int64* bytes) {
  return Real(file)->pMethods->xFileSize(Real(file), bytes);
}
int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xUnlock(Real(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* is_locked) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), is_locked);
}
int FileControl(sqlite3_file* file, int what, void* argument) {
  return Real(file)->pMethods->xFileControl(Real(file), what, argument);
}
int SectorSize(sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); }
int DeviceCharacteristics(sqlite3_file* file) {
  return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
}

// Version 1: the store holds its file alone, and SQLite keeps the WAL's index in its own memory.
constexpr sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Unlock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = FileControl,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = DeviceCharacteristics,
};

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if ((flags & SQLITE_OPEN_CREATE) != 0) {
    const int code = DiskOf(vfs).NextWrite(SQLITE_CANTOPEN);
    if (code != SQLITE_OK) return code;
  }
  const int code = Real(vfs)->xOpen(Real(vfs), path, Real(file), flags, out_flags);
  if (Real(file)->pMethods == nullptr) return code;
  file->pMethods = &kMethods;
  Ours(file)->disk = &DiskOf(vfs);
  return code;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  const int code = DiskOf(vfs).NextWrite(SQLITE_IOERR_DELETE);
  return code != SQLITE_OK ? code : Real(vfs)->xDelete(Real(vfs), path, sync_directory);
}

std::string NextName() {
  static int made = 0;
  return absl::StrCat("failing-disk-", ++made);
}

}  // namespace

FailingDisk::FailingDisk()
    : name_(NextName()), vfs_(std::make_unique<sqlite3_vfs>(*sqlite3_vfs_find(nullptr))) {
  vfs_->szOsFile += static_cast<int>(sizeof(File));
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = Open;
  vfs_->xDelete = Delete;
  if (sqlite3_vfs_register(vfs_.get(), /*makeDflt=*/0) != SQLITE_OK) std::abort();
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
