#ifndef IRIS_AGENT_JOURNAL_SEGMENT_H_
#define IRIS_AGENT_JOURNAL_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/journal/kept_file.h"
#include "common/base/scoped_fd.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

using EventPtr = std::shared_ptr<const v1::Event>;

// What a segment says of itself.
struct SegmentHeader {
  std::string journal_id;
  std::string incarnation;  // That wrote the event before the first one.
  uint64_t first_seq = 1;
};

// One file of a journal: a header, then records of consecutive events. Written at its end only, and
// removed as a whole. Not thread-safe.
class Segment {
 public:
  // At least; twice as many at most, of 4 bytes each. What is trimmed is mostly among them.
  static constexpr size_t kNewestKnown = 256;

  // "0000000000000001.seg" for the segment whose first event has seq 1.
  static std::string FileName(uint64_t first_seq);

  // A new file, empty but for its header. An error leaves none behind. `kept` outlives it.
  static absl::StatusOr<std::unique_ptr<Segment>> Create(KeptFiles& kept, const std::string& path,
                                                         const SegmentHeader& header);
  // A file that is there, its header read. DataLoss: not even that is whole.
  static absl::StatusOr<std::unique_ptr<Segment>> Open(KeptFiles& kept, const std::string& path);
  // Once, after Open(): hands every event to `seen`. What follows the first record that is cut off,
  // damaged or out of order is cut away; then false.
  absl::StatusOr<bool> Recover(absl::FunctionRef<void(const v1::Event&)> seen);

  // Adds the record of the event after last_seq(). After an error the file is as before.
  absl::Status Append(absl::string_view record);

  // Events after `seq` (≥ first_seq - 1): as many as fit into `bytes_max` of WireBytes(), at least
  // one if there is one. DataLoss: the file is not what was written.
  absl::StatusOr<std::vector<EventPtr>> Read(uint64_t seq, size_t bytes_max) const;
  // Bytes of the records after `seq`. Of the newest kNewestKnown records from memory.
  size_t BytesAfter(uint64_t seq) const;

  // Whether its file stays open behind an Append(): false at first.
  void SetStaysOpen(bool stays);
  // True if something may have been written since the last call that is not durable.
  bool TakeUnsynced() { return std::exchange(unsynced_, false); }
  void MarkUnsynced() { unsynced_ = true; }
  void Remove();

  const std::string& path() const { return file_.path(); }
  const SegmentHeader& header() const { return header_; }
  uint64_t first_seq() const { return header_.first_seq; }
  uint64_t last_seq() const { return last_seq_; }
  size_t bytes() const { return bytes_; }

 private:
  // Where the record of `seq` begins.
  struct Mark {
    uint64_t seq;
    size_t offset;
  };
  Segment(KeptFiles& kept, std::string path, SegmentHeader header)
      : header_(std::move(header)),
        last_seq_(header_.first_seq - 1),
        file_(kept, std::move(path), KeptFile::IfMissing::kFail) {}
  void NoteRecord(size_t record_bytes);
  // Offset of the record after `seq`, if memory has it.
  std::optional<size_t> KnownOffsetAfter(uint64_t seq) const;
  // The same, or else read from the file from the mark before it on.
  absl::StatusOr<size_t> OffsetAfter(const ScopedFd& file, uint64_t seq) const;
  // Of the record of `seq`, which begins at `offset`; 0: the file is damaged there.
  absl::StatusOr<size_t> RecordBytesIn(const ScopedFd& file, size_t offset, uint64_t seq) const;

  const SegmentHeader header_;
  uint64_t last_seq_;
  size_t bytes_ = 0;  // Of the file.
  std::vector<Mark> marks_;
  std::vector<uint32_t> newest_;  // Offsets of the newest records, in their order.
  KeptFile file_;                 // For appending.
  bool unsynced_ = true;
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_SEGMENT_H_
