#include "agent/journal/kept_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "agent/journal/files.h"

namespace iris {

size_t KeptFiles::Share() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<size_t>(std::min<rlim_t>(limit.rlim_cur / 8, kOpenMax));
}

bool KeptFiles::CloseOldest() {
  if (open_.empty()) return false;
  open_.back()->Close();
  return true;
}

void KeptFile::SetStays(bool stays) {
  stays_ = stays;
  if (!stays) Close();
}

absl::Status KeptFile::Open() {
  while (kept_.open() > 0 && kept_.open() >= kept_.open_max_) kept_.CloseOldest();
  const int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  do {
    file_.Reset(if_missing_ == IfMissing::kMake ? open(path_.c_str(), flags | O_CREAT, 0600)
                                                : open(path_.c_str(), flags));
  } while (!file_ && (errno == EMFILE || errno == ENFILE) && kept_.CloseOldest());
  struct stat info;
  if (!file_ || fstat(file_.get(), &info) != 0) {
    absl::Status why = absl::ErrnoToStatus(errno, path_);
    file_.Reset();
    return why;
  }
  device_ = info.st_dev;
  inode_ = info.st_ino;
  ++kept_.opened_;
  place_ = kept_.open_.insert(kept_.open_.begin(), this);
  return absl::OkStatus();
}

absl::Status KeptFile::WriteAt(size_t offset, absl::string_view bytes) {
  if (file_) {
    kept_.open_.splice(kept_.open_.begin(), kept_.open_, place_);
  } else if (absl::Status opened = Open(); !opened.ok()) {
    return opened;
  }
  absl::Status written = iris::WriteAt(file_, offset, bytes, path_);
  if (!stays_ || !written.ok() || kept_.open() > kept_.open_max_) Close();
  return written;
}

void KeptFile::CloseIfElsewhere() {
  if (!file_) return;
  struct stat info;
  const bool is_there = lstat(path_.c_str(), &info) == 0;
  if (!is_there || info.st_dev != device_ || info.st_ino != inode_) Close();
}

void KeptFile::Close() {
  if (!file_) return;
  kept_.open_.erase(place_);
  file_.Reset();
}

}  // namespace iris
