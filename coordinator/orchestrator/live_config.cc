#include "coordinator/orchestrator/live_config.h"

#include <sys/stat.h>

#include <utility>

#include "common/log/log.h"

namespace iris {

LiveConfig::Stamp LiveConfig::Look() const {
  struct stat file;
  if (stat(path_.c_str(), &file) != 0) return {};
  return {.exists = true,
          .device = file.st_dev,
          .inode = file.st_ino,
          .size = file.st_size,
          .modified_ns = int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec,
          .changed_ns = int64_t{file.st_ctim.tv_sec} * 1'000'000'000 + file.st_ctim.tv_nsec};
}

absl::StatusOr<std::shared_ptr<const Config>> LiveConfig::Current() {
  // Looked at before it is read: a change in between is seen the next time.
  const Stamp now = Look();
  const bool changed = !(now == stamp_);
  // What is refused may be mended beside the file: a directory's mode, a variable's value.
  if (loaded_ && !changed && problem_.ok()) return current_;
  absl::StatusOr<Config> config = load_(path_);
  if (loaded_ && changed) LogInfo("configuration ", path_, " changed: ", config.status().ToString());
  loaded_ = true;
  stamp_ = now;
  problem_ = config.status();
  if (config.ok()) current_ = std::make_shared<const Config>(*std::move(config));
  if (current_ == nullptr) return problem_;
  return current_;
}

}  // namespace iris
