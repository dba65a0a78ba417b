// How a journal is found again.

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/journal/files.h"
#include "agent/journal/journal.h"
#include "agent/journal/record.h"
#include "common/base/ids.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {
namespace {

// The file `mark`: which journal this is, and how far it was trimmed. Rewritten in place, which
// takes no room; one that was torn by a loss of power counts as none.
//
// magic (8) | trimmed seq (8) | journal id (36) | incarnation of that event (36) | CRC-32 (4)
constexpr absl::string_view kMagic = "IRISMRK1";
constexpr size_t kIdBytes = 36;
constexpr size_t kMarkBytes = 8 + 8 + 2 * kIdBytes + 4;

struct TrimMark {
  std::string journal_id;
  std::string incarnation;
  uint64_t trimmed = 0;
};

std::string Encode(const TrimMark& mark) {
  std::string bytes(kMagic);
  AppendUint64(bytes, mark.trimmed);
  bytes += Padded(mark.journal_id, kIdBytes);
  bytes += Padded(mark.incarnation, kIdBytes);
  AppendUint32(bytes, Crc32(bytes));
  return bytes;
}

// An empty journal_id: there is none that counts.
TrimMark Parse(absl::string_view bytes) {
  TrimMark mark;
  if (bytes.size() != kMarkBytes || bytes.substr(0, kMagic.size()) != kMagic ||
      Crc32(bytes.substr(0, kMarkBytes - 4)) != ReadUint32(bytes.substr(kMarkBytes - 4))) {
    return mark;
  }
  const std::string journal_id = Unpadded(bytes.substr(16, kIdBytes));
  if (!IsUuid(journal_id) || ReadUint64(bytes.substr(8)) > kSeqMax) return mark;
  mark.trimmed = ReadUint64(bytes.substr(8));
  mark.journal_id = journal_id;
  mark.incarnation = Unpadded(bytes.substr(16 + kIdBytes, kIdBytes));
  return mark;
}

std::vector<std::string> SegmentFiles(const std::string& dir) {
  std::vector<std::string> files;
  DIR* const listing = opendir(dir.c_str());
  if (listing == nullptr) return files;
  while (const dirent* entry = readdir(listing)) {
    if (absl::EndsWith(entry->d_name, ".seg"))
      files.push_back(absl::StrCat(dir, "/", entry->d_name));
  }
  closedir(listing);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(
    JournalSync& disk, const std::string& dir, const std::string& incarnation,
    absl::FunctionRef<void(const v1::Event&)> seen) {
  return Open(disk, dir, incarnation, seen, Limits());
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(
    JournalSync& disk, const std::string& dir, const std::string& incarnation,
    absl::FunctionRef<void(const v1::Event&)> seen, const Limits& limits) {
  std::unique_ptr<Journal> journal(new Journal(disk, dir, limits));
  absl::Status status = journal->Load(seen);
  if (SaysExhausted(status.message())) return Exhausted(status, "a session's journal");
  if (!status.ok()) {
    return MakeFailure(v1::FAILURE_STORAGE,
                       absl::StrCat("a session's journal: ", status.message()));
  }
  if (!journal->lives_.empty()) {
    v1::Event start;
    start.mutable_incarnation()->set_incarnation(incarnation);
    journal->Append(std::move(start));
    return journal;
  }
  journal->id_ = NewUuid();
  journal->lives_.push_back({0, incarnation});
  status = journal->WriteMark();
  if (status.ok()) status = journal->StartSegment(1);
  if (!status.ok()) {
    unlink(journal->mark_.path().c_str());
    if (SaysExhausted(status.message())) return Exhausted(status, "a new journal");
    return MakeFailure(v1::FAILURE_STORAGE, absl::StrCat("a new journal: ", status.message()));
  }
  disk.SyncSoon(journal.get());
  return journal;
}

absl::Status Journal::Load(absl::FunctionRef<void(const v1::Event&)> seen) {
  TrimMark mark;
  const absl::StatusOr<std::string> bytes = ReadWholeFile(mark_.path(), kMarkBytes);
  if (bytes.ok()) {
    mark = Parse(*bytes);
  } else if (!absl::IsNotFound(bytes.status()) && !absl::IsDataLoss(bytes.status())) {
    return bytes.status();
  }
  id_ = mark.journal_id;
  if (absl::Status loaded = LoadSegments(seen); !loaded.ok()) return loaded;
  if (id_.empty()) return absl::OkStatus();
  if (segments_.empty() || newest_seq_ < mark.trimmed) {
    // All that was written has been acknowledged, and what followed was in memory only.
    for (const std::unique_ptr<Segment>& segment : segments_) segment->Remove();
    segments_.clear();
    lives_ = {{mark.trimmed > 0 ? mark.trimmed - 1 : 0, mark.incarnation}};
    newest_seq_ = mark.trimmed;
    newest_news_ = mark.trimmed;
  }
  trimmed_ =
      segments_.empty() ? newest_seq_ : std::max(mark.trimmed, segments_.front()->first_seq() - 1);
  acknowledged_ = trimmed_;
  written_ = newest_seq_;
  synced_ = trimmed_;  // Not known; the next sync says so of everything.
  for (const std::unique_ptr<Segment>& segment : segments_) bytes_ += segment->BytesAfter(trimmed_);
  disk_.AddKept(bytes_);
  RemoveSegments();
  return absl::OkStatus();
}

absl::Status Journal::WriteMark() {
  mark_.CloseIfElsewhere();
  return mark_.WriteAt(
      0, Encode({.journal_id = id_, .incarnation = IncarnationAt(trimmed_), .trimmed = trimmed_}));
}

absl::Status Journal::LoadSegments(absl::FunctionRef<void(const v1::Event&)> seen) {
  bool broken = false;
  for (const std::string& path : SegmentFiles(dir_)) {
    // What follows a damage cannot be told apart from what belongs elsewhere.
    if (broken) {
      unlink(path.c_str());
      continue;
    }
    absl::StatusOr<std::unique_ptr<Segment>> segment = Segment::Open(disk_.kept_files(), path);
    if (!segment.ok() && !absl::IsDataLoss(segment.status())) return segment.status();
    if (!segment.ok() || !Follows((*segment)->header())) {
      LogWarn("journal ", dir_, " is cut before ", path);
      broken = true;
      unlink(path.c_str());
      continue;
    }
    const SegmentHeader& header = (*segment)->header();
    if (segments_.empty()) {
      id_ = header.journal_id;
      newest_seq_ = header.first_seq - 1;
      lives_ = {{newest_seq_ > 0 ? newest_seq_ - 1 : 0, header.incarnation}};
    }
    const absl::StatusOr<bool> whole = (*segment)->Recover([&](const v1::Event& event) {
      newest_seq_ = event.seq();
      NoteEvent(event);
      seen(event);
    });
    if (!whole.ok()) return whole.status();
    broken = !*whole;
    if (broken) LogWarn("journal ", dir_, " is cut after event ", newest_seq_);
    segments_.push_back(*std::move(segment));
  }
  return absl::OkStatus();
}

bool Journal::Follows(const SegmentHeader& header) const {
  if (!id_.empty() && header.journal_id != id_) return false;
  return segments_.empty() || header.first_seq == newest_seq_ + 1;
}

}  // namespace iris
