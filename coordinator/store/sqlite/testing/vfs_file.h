#ifndef IRIS_COORDINATOR_STORE_SQLITE_TESTING_VFS_FILE_H_
#define IRIS_COORDINATOR_STORE_SQLITE_TESTING_VFS_FILE_H_

#include <sqlite3.h>

#include <cstdlib>
#include <memory>
#include <string>

// What disks for tests have in common: a VFS of SQLite's around the real one, whose files go
// through to the real files. A disk does some of that itself.
namespace iris {

// Ours, and behind it in the same memory the real one.
struct VfsFile {
  sqlite3_file base;
  void* disk;        // Whose VFS it is of.
  const char* path;  // Of SQLite's, as long as the file is open; null: it has none.
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

inline VfsFile* Ours(sqlite3_file* file) { return reinterpret_cast<VfsFile*>(file); }
inline sqlite3_file* Real(sqlite3_file* file) { return Ours(file)->real(); }
inline sqlite3_vfs* Real(sqlite3_vfs*) { return sqlite3_vfs_find(nullptr); }
template <typename Disk>
Disk& DiskOf(sqlite3_file* file) {
  return *static_cast<Disk*>(Ours(file)->disk);
}
template <typename Disk>
Disk& DiskOf(sqlite3_vfs* vfs) {
  return *static_cast<Disk*>(vfs->pAppData);
}

// All of it goes through. Version 1: the store holds its file alone, and SQLite keeps the WAL's
// index in its own memory.
inline sqlite3_io_methods RealMethods() {
  return {
      .iVersion = 1,
      .xClose = [](sqlite3_file* file) { return Real(file)->pMethods->xClose(Real(file)); },
      .xRead =
          [](sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
            return Real(file)->pMethods->xRead(Real(file), to, bytes, at);
          },
      .xWrite =
          [](sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
            return Real(file)->pMethods->xWrite(Real(file), from, bytes, at);
          },
      .xTruncate =
          [](sqlite3_file* file, sqlite3_int64 bytes) {
            return Real(file)->pMethods->xTruncate(Real(file), bytes);
          },
      // Files of tests are not to be synced: that takes long and shows nothing.
      .xSync = [](sqlite3_file*, int) { return SQLITE_OK; },
      .xFileSize =
          [](sqlite3_file* file, sqlite3_int64* bytes) {
            return Real(file)->pMethods->xFileSize(Real(file), bytes);
          },
      .xLock = [](sqlite3_file* file,
                  int level) { return Real(file)->pMethods->xLock(Real(file), level); },
      .xUnlock = [](sqlite3_file* file,
                    int level) { return Real(file)->pMethods->xUnlock(Real(file), level); },
      .xCheckReservedLock =
          [](sqlite3_file* file, int* is_locked) {
            return Real(file)->pMethods->xCheckReservedLock(Real(file), is_locked);
          },
      .xFileControl =
          [](sqlite3_file* file, int what, void* argument) {
            return Real(file)->pMethods->xFileControl(Real(file), what, argument);
          },
      .xSectorSize =
          [](sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); },
      .xDeviceCharacteristics =
          [](sqlite3_file* file) {
            return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
          },
  };
}

// Opens the real one; `methods` outlive it.
inline int OpenReal(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                    int* out_flags, const sqlite3_io_methods& methods) {
  file->pMethods = nullptr;
  const int code = Real(vfs)->xOpen(Real(vfs), path, Real(file), flags, out_flags);
  if (Real(file)->pMethods == nullptr) return code;
  file->pMethods = &methods;
  Ours(file)->disk = vfs->pAppData;
  Ours(file)->path = path;
  return code;
}

// A VFS that goes through, to be changed and registered. `name` and `disk` outlive it.
inline std::unique_ptr<sqlite3_vfs> RealVfs(const std::string& name, void* disk) {
  auto vfs = std::make_unique<sqlite3_vfs>(*sqlite3_vfs_find(nullptr));
  vfs->szOsFile += static_cast<int>(sizeof(VfsFile));
  vfs->zName = name.c_str();
  vfs->pAppData = disk;
  return vfs;
}
inline void Register(sqlite3_vfs& vfs) {
  if (sqlite3_vfs_register(&vfs, /*makeDflt=*/0) != SQLITE_OK) std::abort();
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_TESTING_VFS_FILE_H_
