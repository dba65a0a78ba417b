#ifndef IRIS_AGENT_JOURNAL_SLOT_FILE_H_
#define IRIS_AGENT_JOURNAL_SLOT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// A small record in a file of fixed size, rewritten in place: it needs no room on a full disk, and
// after any crash holds the old content or the new one, whole. Not thread-safe.
//
//   [ generation 6 | content ] [ generation 7 | content ]     The highest that is whole counts.
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

 private:
  explicit SlotFile(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  uint64_t generation_ = 0;
  std::string content_;
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_SLOT_FILE_H_
