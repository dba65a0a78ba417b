#include "agent/journal/segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/journal/files.h"
#include "agent/journal/record.h"
#include "common/base/ids.h"
#include "common/frame/wire_bytes.h"
#include "common/log/check.h"

namespace iris {
namespace {

// magic (8) | first seq (8) | journal id (36) | incarnation (36) | zeros | CRC-32 of all that (4)
constexpr size_t kHeaderBytes = 128;
constexpr absl::string_view kMagic = "IRISJNL1";
constexpr size_t kIdBytes = 36;
constexpr size_t kMarkEveryBytes = 16 << 10;
constexpr size_t kSegmentBytesMax = 1 << 30;  // No file of ours is larger.

std::string EncodeHeader(const SegmentHeader& header) {
  std::string bytes(kMagic);
  AppendUint64(bytes, header.first_seq);
  bytes += Padded(header.journal_id, kIdBytes);
  bytes += Padded(header.incarnation, kIdBytes);
  bytes.resize(kHeaderBytes - 4);
  AppendUint32(bytes, Crc32(bytes));
  return bytes;
}

absl::StatusOr<SegmentHeader> ParseHeader(absl::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic ||
      Crc32(bytes.substr(0, kHeaderBytes - 4)) != ReadUint32(bytes.substr(kHeaderBytes - 4))) {
    return absl::DataLossError("no header of a journal segment");
  }
  SegmentHeader header;
  header.first_seq = ReadUint64(bytes.substr(8));
  header.journal_id = Unpadded(bytes.substr(16, kIdBytes));
  header.incarnation = Unpadded(bytes.substr(16 + kIdBytes, kIdBytes));
  if (!IsUuid(header.journal_id) || header.first_seq < 1 || header.first_seq > kSeqMax) {
    return absl::DataLossError("no header of ours");
  }
  return header;
}

}  // namespace

std::string Segment::FileName(uint64_t first_seq) {
  return absl::StrFormat("%016x.seg", first_seq);
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Create(KeptFiles& kept, const std::string& path,
                                                         const SegmentHeader& header) {
  const ScopedFd file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return absl::ErrnoToStatus(errno, path);
  absl::Status written = WriteAt(file, 0, EncodeHeader(header), path);
  if (!written.ok()) {
    unlink(path.c_str());
    return written;
  }
  std::unique_ptr<Segment> segment(new Segment(kept, path, header));
  segment->bytes_ = kHeaderBytes;
  return segment;
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Open(KeptFiles& kept, const std::string& path) {
  const ScopedFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, path);
  const absl::StatusOr<std::string> bytes = ReadAt(file, 0, kHeaderBytes, path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<SegmentHeader> header = ParseHeader(*bytes);
  if (!header.ok()) return header.status();
  std::unique_ptr<Segment> segment(new Segment(kept, path, *std::move(header)));
  segment->bytes_ = kHeaderBytes;
  return segment;
}

absl::StatusOr<bool> Segment::Recover(absl::FunctionRef<void(const v1::Event&)> seen) {
  const absl::StatusOr<std::string> content = ReadWholeFile(path(), kSegmentBytesMax);
  if (!content.ok()) return content.status();
  absl::string_view rest = absl::string_view(*content).substr(kHeaderBytes);
  while (!rest.empty()) {
    const std::optional<Record> record = ParseRecord(rest);
    if (!record.has_value() || record->event.seq() != last_seq_ + 1) break;
    NoteRecord(record->bytes);
    seen(record->event);
    rest.remove_prefix(record->bytes);
  }
  if (rest.empty()) return true;
  if (truncate(path().c_str(), static_cast<off_t>(bytes_)) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cut ", path()));
  }
  return false;
}

void Segment::NoteRecord(size_t record_bytes) {
  ++last_seq_;
  if (marks_.empty() || bytes_ - marks_.back().offset >= kMarkEveryBytes) {
    marks_.push_back({last_seq_, bytes_});
  }
  newest_.push_back(static_cast<uint32_t>(bytes_));
  if (newest_.size() > 2 * kNewestKnown) {
    newest_.erase(newest_.begin(), newest_.begin() + kNewestKnown);
  }
  bytes_ += record_bytes;
}

void Segment::SetStaysOpen(bool stays) { file_.SetStays(stays); }

absl::Status Segment::Append(absl::string_view record) {
  // Not at each: a turn says much, and what goes astray until the next sync is not durable either.
  if (!unsynced_) file_.CloseIfElsewhere();
  unsynced_ = true;
  const absl::Status written = file_.WriteAt(bytes_, record);
  if (written.ok()) {
    NoteRecord(record.size());
  } else {
    // A record cut off in the middle would be found at the next start only, and all after it lost.
    (void)!truncate(path().c_str(), static_cast<off_t>(bytes_));
  }
  return written;
}

std::optional<size_t> Segment::KnownOffsetAfter(uint64_t seq) const {
  if (seq >= last_seq_) return bytes_;
  const uint64_t from_end = last_seq_ - seq;  // 1: it is the last record.
  if (from_end > newest_.size()) return std::nullopt;
  return newest_[newest_.size() - from_end];
}

absl::StatusOr<size_t> Segment::OffsetAfter(const ScopedFd& file, uint64_t seq) const {
  if (const std::optional<size_t> known = KnownOffsetAfter(seq)) return *known;
  const auto later =
      std::upper_bound(marks_.begin(), marks_.end(), seq + 1,
                       [](uint64_t wanted, const Mark& m) { return wanted < m.seq; });
  Check(later != marks_.begin(), "a segment of a journal is read before its first event");
  const Mark& mark = *std::prev(later);
  size_t offset = mark.offset;
  for (uint64_t at = mark.seq; at <= seq; ++at) {
    const absl::StatusOr<std::string> head = ReadAt(file, offset, kRecordHeaderBytes, path());
    if (!head.ok()) return head.status();
    const size_t bytes = RecordBytesAt(*head);
    if (bytes == 0) return absl::DataLossError(absl::StrCat(path(), " is damaged"));
    offset += bytes;
  }
  return offset;
}

absl::StatusOr<size_t> Segment::RecordBytesIn(const ScopedFd& file, size_t offset,
                                              uint64_t seq) const {
  if (const std::optional<size_t> end = KnownOffsetAfter(seq)) return *end - offset;
  const absl::StatusOr<std::string> head = ReadAt(file, offset, kRecordHeaderBytes, path());
  if (!head.ok()) return head.status();
  return RecordBytesAt(*head);
}

absl::StatusOr<std::vector<EventPtr>> Segment::Read(uint64_t seq, size_t bytes_max) const {
  std::vector<EventPtr> found;
  if (seq >= last_seq_) return found;
  const ScopedFd file(open(path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return absl::ErrnoToStatus(errno, path());
  const absl::StatusOr<size_t> offset = OffsetAfter(file, seq);
  if (!offset.ok()) return offset.status();
  // The first record may be longer than what was asked for.
  const absl::StatusOr<size_t> first = RecordBytesIn(file, *offset, seq + 1);
  if (!first.ok()) return first.status();
  const size_t wanted = std::min(std::max(bytes_max, *first), bytes_ - *offset);
  const absl::StatusOr<std::string> content = ReadAt(file, *offset, wanted, path());
  if (!content.ok()) return content.status();

  absl::string_view rest = *content;
  size_t counted = 0;
  while (!rest.empty()) {
    std::optional<Record> record = ParseRecord(rest);
    if (!record.has_value()) break;  // Cut off by the end of what was read.
    counted += WireBytes(record->event);
    if (record->event.seq() != seq + found.size() + 1) break;
    if (!found.empty() && counted > bytes_max) break;
    rest.remove_prefix(record->bytes);
    found.push_back(std::make_shared<const v1::Event>(std::move(record->event)));
  }
  if (found.empty()) return absl::DataLossError(absl::StrCat(path(), " is damaged"));
  return found;
}

size_t Segment::BytesAfter(uint64_t seq) const {
  if (seq >= last_seq_) return 0;
  if (seq < first_seq()) return bytes_ - kHeaderBytes;
  if (const std::optional<size_t> known = KnownOffsetAfter(seq)) return bytes_ - *known;
  const ScopedFd file(open(path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const absl::StatusOr<size_t> offset = OffsetAfter(file, seq);
  return offset.ok() ? bytes_ - *offset : bytes_ - kHeaderBytes;
}

void Segment::Remove() { unlink(path().c_str()); }

}  // namespace iris
