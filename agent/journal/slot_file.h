#ifndef IRIS_AGENT_JOURNAL_SLOT_FILE_H_
#define IRIS_AGENT_JOURNAL_SLOT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// A small record in a file of fixed size, rewritten in place: it needs no room on a full disk, and
// after any crash holds the old content or the new one, whole. Not thread-safe.
//
//   [ generation 6 | content ] [ generation 7 | content ]     The highest that is whole counts.
//
// Generations that do not follow each other: the newer one may not be durable yet.
class SlotFile {
 public:
  static constexpr size_t kContentBytesMax = 4000;
  static constexpr size_t kFileBytes = 8192;  // Always.

  // The file at `path`, made durably where there is none; its content is empty then. DataLoss:
  // neither slot is whole. Others: errno's.
  static absl::StatusOr<std::unique_ptr<SlotFile>> Open(const std::string& path);

  const std::string& content() const { return content_; }
  // Durable when it returns OK. After an error the old content stands. Where somebody has removed
  // the file it is made again.
  absl::Status Write(absl::string_view content);
  // The same without waiting for the disk: a loss of power may bring back what was written durably
  // last.
  absl::Status WriteUnsynced(absl::string_view content);

 private:
  explicit SlotFile(std::string path) : path_(std::move(path)) {}
  absl::Status Put(absl::string_view content, bool durably);
  uint64_t NextGeneration(bool durably) const;

  const std::string path_;
  uint64_t generation_ = 0;  // Of the content.
  uint64_t durable_ = 0;     // The newest that is, whose slot stays as it is; 0: nobody knows.
  std::string content_;
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_SLOT_FILE_H_
