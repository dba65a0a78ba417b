#include "agent/journal/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/journal/record.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

absl::Status Storage(const absl::Status& why) {
  if (SaysExhausted(why.message())) return Exhausted(why, "the session's journal");
  return DiskFailure("the session's journal", why.message(), kFixHostDisk);
}

}  // namespace

Journal::Journal(JournalSync& disk, std::string dir, const Limits& limits)
    : disk_(disk),
      dir_(std::move(dir)),
      limits_(limits),
      mark_(disk.kept_files(), absl::StrCat(dir_, "/mark"), KeptFile::IfMissing::kMake) {
  disk_.Add(this);
}

Journal::~Journal() {
  disk_.Forget(this);
  disk_.RemoveUnwritten(unwritten_bytes_);
  disk_.RemoveKept(bytes_);
  if (retry_ != 0) disk_.loop().Cancel(retry_);
}

std::string Journal::PathOf(uint64_t first_seq) const {
  return absl::StrCat(dir_, "/", Segment::FileName(first_seq));
}

// ----------------------------------------------------------------------------------------- writing

void Journal::CheckMarks() const {
  Check(trimmed_ <= synced_ && synced_ <= written_ && written_ <= newest_seq_,
        "a journal's marks are out of order");
  Check(trimmed_ <= acknowledged_ && acknowledged_ <= newest_seq_,
        "a journal is trimmed of what nobody has acknowledged");
  Check(unwritten_bytes_ <= memory_bytes_, "a journal lacks in memory what is not written");
  Check(memory_.empty() ? written_ == newest_seq_
                        : memory_.back().event->seq() == newest_seq_ &&
                              memory_.front().event->seq() + memory_.size() == newest_seq_ + 1,
        "a journal's events in memory have a hole");
}

void Journal::SetStaysOpen(bool stays) {
  stays_open_ = stays;
  mark_.SetStays(stays);
  if (!segments_.empty()) segments_.back()->SetStaysOpen(stays);
}

void Journal::Append(v1::Event event) {
  CheckMarks();
  event.set_seq(++newest_seq_);
  Kept kept{.event = std::make_shared<const v1::Event>(std::move(event))};
  NoteEvent(*kept.event);
  kept.bytes = kRecordHeaderBytes + kept.event->ByteSizeLong();
  bytes_ += kept.bytes;
  disk_.AddKept(kept.bytes);
  memory_bytes_ += kept.bytes;
  unwritten_bytes_ += kept.bytes;
  disk_.AddUnwritten(kept.bytes);
  memory_.push_back(std::move(kept));
  // After trouble only the retry writes: each try costs as much as it would have to store.
  if (trouble_.ok()) WriteUnwritten();
  while (memory_bytes_ > limits_.memory_bytes && memory_.front().event->seq() <= written_) {
    ForgetFront();
  }
}

void Journal::ForgetFront() {
  memory_bytes_ -= memory_.front().bytes;
  memory_.pop_front();
}

void Journal::NoteEvent(const v1::Event& event) {
  if (event.has_incarnation()) {
    lives_.push_back({event.seq() - 1, event.incarnation().incarnation()});
  } else if (!event.has_started() && !event.has_exited() && !event.has_stderr_text()) {
    newest_news_ = event.seq();
  }
}

void Journal::WriteUnwritten() {
  const uint64_t first = memory_.empty() ? 0 : memory_.front().event->seq();
  while (written_ < newest_seq_) {
    Check(first > 0 && first <= written_ + 1, "an event is not written, and not in memory");
    const Kept& next = memory_[written_ + 1 - first];
    if (const absl::Status status = WriteOne(next); !status.ok()) return SetTrouble(status);
    ++written_;
    unwritten_bytes_ -= next.bytes;
    disk_.RemoveUnwritten(next.bytes);
    disk_.SyncSoon(this);
  }
  SetTrouble(absl::OkStatus());
}

absl::Status Journal::WriteOne(const Kept& kept) {
  const uint64_t seq = kept.event->seq();
  const bool follows = !segments_.empty() && segments_.back()->last_seq() + 1 == seq;
  if (!follows || segments_.back()->bytes() >= limits_.segment_bytes) {
    const absl::Status started = StartSegment(seq);
    // Without an inode for another file this one has to grow.
    if (!started.ok() && !follows) return started;
  }
  Check(segments_.back()->last_seq() + 1 == seq, "a segment of a journal gets a hole");
  const std::string record = EncodeRecord(*kept.event);
  absl::Status written = segments_.back()->Append(record);
  // EFBIG: this file must not grow, and another one has room.
  const bool is_empty = segments_.back()->last_seq() < segments_.back()->first_seq();
  if (!absl::IsOutOfRange(written) || is_empty) return written;
  if (absl::Status started = StartSegment(seq); !started.ok()) return started;
  return segments_.back()->Append(record);
}

absl::Status Journal::StartSegment(uint64_t first_seq) {
  absl::StatusOr<std::unique_ptr<Segment>> segment = Segment::Create(
      disk_.kept_files(), PathOf(first_seq),
      {.journal_id = id_, .incarnation = IncarnationAt(first_seq - 1), .first_seq = first_seq});
  if (!segment.ok()) return segment.status();
  if (!segments_.empty()) segments_.back()->SetStaysOpen(false);
  (*segment)->SetStaysOpen(stays_open_);
  segments_.push_back(*std::move(segment));
  directory_changed_ = true;
  return absl::OkStatus();
}

void Journal::SetTrouble(const absl::Status& trouble) {
  if (!trouble.ok() && retry_ == 0) {
    retry_ = disk_.loop().After(limits_.retry_every, [this] {
      retry_ = 0;
      if (on_gone_ && access(dir_.c_str(), F_OK) != 0) on_gone_();
      WriteUnwritten();
      if (trouble_.ok()) disk_.SyncSoon(this);
      if (on_room_) on_room_();
    });
  }
  if (trouble.ok() == trouble_.ok()) return;
  trouble_ = trouble;
  if (trouble.ok()) {
    LogInfo("journal ", dir_, ": written again");
  } else {
    LogError("journal ", dir_, ": ", trouble.message(), "; what comes stays in memory");
  }
}

absl::Status Journal::WriteAnew() {
  CheckMarks();
  segments_.clear();
  ample_until_ = -absl::InfiniteDuration();
  // Also for a sync under way, which takes what is gone for trimmed.
  const uint64_t gone = memory_.empty() ? newest_seq_ : memory_.front().event->seq() - 1;
  Check(gone >= trimmed_, "what was trimmed of a journal comes back");
  trimmed_ = gone;
  written_ = synced_ = syncing_ = trimmed_;
  acknowledged_ = std::max(acknowledged_, trimmed_);
  ForgetLives();
  disk_.AddUnwritten(memory_bytes_ - unwritten_bytes_);
  unwritten_bytes_ = memory_bytes_;
  // What was there by then nobody can count any more.
  disk_.AddKept(memory_bytes_);
  disk_.RemoveKept(std::exchange(bytes_, memory_bytes_));
  directory_changed_ = true;
  disk_.SyncSoon(this);
  if (absl::Status marked = WriteMark(); !marked.ok()) return marked;
  WriteUnwritten();
  return trouble_;
}

// ----------------------------------------------------------------------------------------- syncing

std::vector<std::string> Journal::TakeUnsynced() {
  std::vector<std::string> paths;
  for (const std::unique_ptr<Segment>& segment : segments_) {
    if (segment->TakeUnsynced()) paths.push_back(segment->path());
  }
  if (std::exchange(directory_changed_, false)) paths.push_back(dir_);
  syncing_ = written_;
  return paths;
}

void Journal::OnSynced(const absl::Status& status) {
  Check(syncing_ <= written_, "a journal is synced beyond what is written");
  if (!status.ok()) {
    directory_changed_ = true;
    for (const std::unique_ptr<Segment>& segment : segments_) segment->MarkUnsynced();
    SetTrouble(status);
  } else {
    synced_ = std::max(synced_, syncing_);
    while (!memory_.empty() && memory_.front().event->seq() <= synced_) ForgetFront();
    ApplyTrim();
  }
  if (on_room_) on_room_();
}

// ---------------------------------------------------------------------------------------- trimming

void Journal::Trim(uint64_t seq) {
  acknowledged_ = std::max(acknowledged_, std::min(seq, newest_seq_));
  ApplyTrim();
}

void Journal::ApplyTrim() {
  CheckMarks();
  // What cannot be written need not be, once the other end has it.
  const uint64_t to = written_ < newest_seq_ ? acknowledged_ : std::min(acknowledged_, synced_);
  if (to <= trimmed_) return;
  const size_t trimmed_bytes = BytesBetween(trimmed_, to);
  bytes_ -= trimmed_bytes;
  disk_.RemoveKept(trimmed_bytes);
  trimmed_ = to;
  while (!memory_.empty() && memory_.front().event->seq() <= trimmed_) {
    if (memory_.front().event->seq() > written_) {
      unwritten_bytes_ -= memory_.front().bytes;
      disk_.RemoveUnwritten(memory_.front().bytes);
    }
    ForgetFront();
  }
  written_ = std::max(written_, trimmed_);
  synced_ = std::max(synced_, trimmed_);
  ForgetLives();
  (void)WriteMark().ok();  // Without it they are there again at the next start, and go once more.
  RemoveSegments();
}

void Journal::ForgetLives() {
  while (lives_.size() > 1 && lives_[1].after_seq < trimmed_) lives_.erase(lives_.begin());
}

size_t Journal::BytesBetween(uint64_t from, uint64_t to) const {
  if (to == newest_seq_) return bytes_;
  size_t bytes = 0;
  for (const std::unique_ptr<Segment>& segment : segments_) {
    if (segment->last_seq() <= from || segment->first_seq() > to) continue;
    bytes += segment->BytesAfter(from) - segment->BytesAfter(to);
  }
  for (const Kept& kept : memory_) {
    const uint64_t seq = kept.event->seq();
    if (seq > to) break;
    if (seq > std::max(from, written_)) bytes += kept.bytes;
  }
  return std::min(bytes, bytes_);
}

void Journal::RemoveSegments() {
  // The last one stays to be appended to, unless what follows it was never written.
  while (!segments_.empty() && segments_.front()->last_seq() <= trimmed_ &&
         (segments_.size() > 1 || segments_.front()->last_seq() < written_)) {
    segments_.front()->Remove();
    segments_.pop_front();
    directory_changed_ = true;
  }
}

// ----------------------------------------------------------------------------------------- reading

absl::StatusOr<std::vector<EventPtr>> Journal::After(uint64_t seq, size_t bytes_max) const {
  std::vector<EventPtr> found;
  seq = std::max(seq, trimmed_);
  if (seq >= newest_seq_) return found;
  if (memory_.empty() || seq + 1 < memory_.front().event->seq()) {
    for (const std::unique_ptr<Segment>& segment : segments_) {
      if (segment->last_seq() <= seq) continue;
      absl::StatusOr<std::vector<EventPtr>> events = segment->Read(seq, bytes_max);
      if (!events.ok()) return Storage(events.status());
      return events;
    }
    return Storage(absl::DataLossError(absl::StrCat(dir_, " has no event after ", seq)));
  }
  size_t bytes = 0;
  for (size_t i = seq + 1 - memory_.front().event->seq(); i < memory_.size(); ++i) {
    bytes += WireBytes(*memory_[i].event);
    if (!found.empty() && bytes > bytes_max) break;
    found.push_back(memory_[i].event);
  }
  return found;
}

v1::ResetReason Journal::CheckPosition(const v1::Position& after) const {
  if (after.journal_id() != id_) return v1::RESET_UNKNOWN_JOURNAL;
  if (after.seq() > newest_seq_) return v1::RESET_AHEAD;
  if (after.seq() < trimmed_) return v1::RESET_TRIMMED;
  // Another life wrote the event of that number: this journal was rolled back, and went on.
  if (after.seq() > 0 && after.incarnation() != IncarnationAt(after.seq())) return v1::RESET_AHEAD;
  return v1::RESET_UNSPECIFIED;
}

const std::string& Journal::IncarnationAt(uint64_t seq) const {
  Check(!lives_.empty(), "a journal has no life");
  const Life* at = &lives_.front();
  for (const Life& life : lives_) {
    if (life.after_seq < seq) at = &life;
  }
  return at->incarnation;
}

v1::Position Journal::PositionAt(uint64_t seq) const {
  v1::Position position;
  position.set_journal_id(id_);
  position.set_incarnation(IncarnationAt(seq));
  position.set_seq(seq);
  return position;
}

std::optional<Journal::Tail> Journal::tail() const {
  if (!trouble_.ok() || !all_written() || segments_.empty()) return std::nullopt;
  const Segment& last = *segments_.back();
  if (last.last_seq() != newest_seq_ || last.bytes() >= limits_.segment_bytes) return std::nullopt;
  return Tail{.first_seq = last.first_seq(), .bytes = last.bytes()};
}

bool Journal::EndsAt(const std::string& dir, const Tail& tail) {
  struct stat info;
  const std::string path = absl::StrCat(dir, "/", Segment::FileName(tail.first_seq));
  return stat(path.c_str(), &info) == 0 && static_cast<size_t>(info.st_size) == tail.bytes;
}

absl::Status Journal::CheckRoom() const {
  if (beyond_share()) {
    return MakeFailure(
        v1::FAILURE_STORAGE,
        absl::StrCat("the journals of all sessions on the host keep ", disk_.kept_bytes() >> 20,
                     " MiB of at most ", disk_.quota_bytes() >> 20,
                     " MiB that nobody has fetched, this session ", bytes_ >> 20, " MiB of it"),
        kFixFetch);
  }
  return CheckDisk();
}

absl::Status Journal::CheckDisk() const {
  if (!trouble_.ok()) return Storage(trouble_);
  if (disk_.loop().now() < ample_until_) return absl::OkStatus();
  struct statvfs disk;
  if (statvfs(dir_.c_str(), &disk) != 0) return Storage(absl::ErrnoToStatus(errno, dir_));
  const uint64_t room = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (room < limits_.room_bytes) {
    return Storage(absl::ResourceExhaustedError(absl::StrCat(dir_, ": the disk is full")));
  }
  // Some file systems count no inodes.
  const bool counts_files = disk.f_files > 0;
  if (counts_files && disk.f_favail == 0) {
    return Storage(absl::ResourceExhaustedError(absl::StrCat(dir_, ": the disk has no inodes")));
  }
  if (room >= kAmple * limits_.room_bytes && (!counts_files || disk.f_favail >= kAmpleFiles)) {
    ample_until_ = disk_.loop().now() + limits_.ample_for;
  }
  return absl::OkStatus();
}

bool Journal::full() const {
  return bytes_ >= limits_.quota_bytes || beyond_share() ||
         unwritten_bytes_ >= limits_.unwritten_bytes ||
         (unwritten_bytes_ > 0 && disk_.unwritten_bytes() >= JournalSync::kUnwrittenBytesMax);
}

bool Journal::half_full() const {
  return full() || bytes_ >= limits_.quota_bytes / 2 ||
         unwritten_bytes_ >= limits_.unwritten_bytes / 2;
}

}  // namespace iris
