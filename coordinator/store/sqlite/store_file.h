#ifndef IRIS_COORDINATOR_STORE_SQLITE_STORE_FILE_H_
#define IRIS_COORDINATOR_STORE_SQLITE_STORE_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/store/sqlite/database.h"

namespace iris {

struct StoreFile {
  std::string path;  // Its directory is there.
  std::string vfs;   // As Database::Open().
  // Decides the journal mode: WAL, or DELETE on a network file system.
  std::function<bool(const std::string& path)> on_network_fs;
  // A file that is not laid out as a new one is made anew where it holds no more than that: it
  // takes as long as what is in it.
  int64_t made_anew_bytes_max = 64 << 20;
};

// Opens or makes the file of a store, for this process alone, with the tables of kSchemaVersion. A
// new one belongs to a new coordinator. Its pages are small, since every change of one writes all
// of it, and room that nothing uses can be given back. Errors as SqliteStore::Open().
absl::StatusOr<std::unique_ptr<Database>> OpenStoreFile(const StoreFile& file);

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_STORE_FILE_H_
