#ifndef IRIS_AGENT_JOURNAL_KEPT_FILE_H_
#define IRIS_AGENT_JOURNAL_KEPT_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/scoped_fd.h"

namespace iris {

class KeptFile;

// The descriptors that files of sessions keep between two writes: of those that were written last,
// as many as the process can spare. Lives on the process loop.
class KeptFiles {
 public:
  // An eighth of what the process may have open (`ulimit -n`), and kOpenMax at most: children and
  // connections need the others.
  static size_t Share();
  static constexpr size_t kOpenMax = 512;

  explicit KeptFiles(size_t open_max = Share()) : open_max_(open_max) {}
  KeptFiles(const KeptFiles&) = delete;
  KeptFiles& operator=(const KeptFiles&) = delete;

  size_t open() const { return open_.size(); }
  // How often one was opened so far: what a tell costs of that is counted by it.
  uint64_t opened() const { return opened_; }

 private:
  friend class KeptFile;
  // The one that was written the longest time ago. False: none is open.
  bool CloseOldest();

  const size_t open_max_;
  uint64_t opened_ = 0;
  std::list<KeptFile*> open_;  // The one that was written last is the first.
};

// A file that is written again and again, by its path, at whatever offset. It stays open between
// two writes if it is to, and as long as no others need its descriptor. Lives on the process loop.
class KeptFile {
 public:
  enum class IfMissing { kFail, kMake };

  // `kept` outlives it. Opens nothing yet.
  KeptFile(KeptFiles& kept, std::string path, IfMissing if_missing)
      : kept_(kept), path_(std::move(path)), if_missing_(if_missing) {}
  ~KeptFile() { Close(); }
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;

  // Whether it stays open behind a write: false at first.
  void SetStays(bool stays);

  // All of `bytes`. After an error, which is errno's with the path in it, the file is closed, and
  // some of them may be there.
  absl::Status WriteAt(size_t offset, absl::string_view bytes);
  // Closes it where its path leads to another file by now, or to none: somebody has removed it or
  // moved it away, and what is written to it would be found by nobody.
  void CloseIfElsewhere();
  // The next write opens it again.
  void Close();

  const std::string& path() const { return path_; }

 private:
  absl::Status Open();

  KeptFiles& kept_;
  const std::string path_;
  const IfMissing if_missing_;
  bool stays_ = false;
  ScopedFd file_;
  dev_t device_ = 0;  // Of what is open.
  ino_t inode_ = 0;
  std::list<KeptFile*>::iterator place_;  // In kept_, while it is open.
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_KEPT_FILE_H_
