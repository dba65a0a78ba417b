#include "agent/session/rest_notes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "agent/journal/files.h"
#include "agent/journal/record.h"
#include "common/base/scoped_fd.h"
#include "common/log/log.h"

namespace iris {
namespace {

// length (4) | CRC-32 of the payload (4) | payload: a serialized saved::RestLine
constexpr size_t kHeadBytes = 8;
constexpr size_t kFileBytesMax = 64 << 20;

std::string Encode(const saved::RestLine& line) {
  const std::string payload = line.SerializeAsString();
  std::string bytes;
  AppendUint32(bytes, static_cast<uint32_t>(payload.size()));
  AppendUint32(bytes, Crc32(payload));
  return bytes + payload;
}

std::string BootLine(const std::string& boot_id) {
  saved::RestLine line;
  line.set_boot_id(boot_id);
  return Encode(line);
}

std::string RestsLines(const std::vector<saved::Resting>& resting) {
  std::string lines;
  saved::RestLine line;
  for (const saved::Resting& one : resting) {
    *line.mutable_rests() = one;
    lines += Encode(line);
  }
  return lines;
}

// The line at the beginning of `rest`, which is cut off. False: it is none.
bool TakeLine(absl::string_view& rest, saved::RestLine& line) {
  if (rest.size() < kHeadBytes) return false;
  const size_t bytes = ReadUint32(rest);
  if (bytes > rest.size() - kHeadBytes) return false;
  const absl::string_view payload = rest.substr(kHeadBytes, bytes);
  if (Crc32(payload) != ReadUint32(rest.substr(4))) return false;
  rest.remove_prefix(kHeadBytes + bytes);
  return line.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
}

absl::StatusOr<RestNotes::ById> Parse(absl::string_view rest, const std::string& boot_id) {
  saved::RestLine line;
  if (!TakeLine(rest, line) || !line.has_boot_id()) return absl::DataLossError("they are damaged");
  // Where nobody can tell boots apart, any may be another one.
  if (boot_id.empty() || line.boot_id() != boot_id) {
    return absl::FailedPreconditionError("they are of another boot");
  }
  RestNotes::ById notes;
  while (!rest.empty()) {
    if (!TakeLine(rest, line)) return absl::DataLossError("they are damaged");
    switch (line.kind_case()) {
      case saved::RestLine::kRests:
        notes[line.rests().session_id()] = line.rests();
        break;
      case saved::RestLine::kLeft:
        notes.erase(line.left());
        break;
      case saved::RestLine::kBootId:
      case saved::RestLine::KIND_NOT_SET:
        return absl::DataLossError("they have a line that belongs elsewhere");
    }
  }
  return notes;
}

}  // namespace

RestNotes::ById RestNotes::Load() {
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path_, kFileBytesMax);
  if (absl::IsNotFound(bytes.status())) return {};
  absl::StatusOr<ById> notes = bytes.ok() ? Parse(*bytes, boot_id_) : bytes.status();
  if (!notes.ok()) {
    Drop(notes.status());
    return {};
  }
  bytes_ = bytes_anew_ = bytes->size();
  for (const auto& [id, resting] : *notes) noted_.insert(id);
  return *std::move(notes);
}

void RestNotes::Add(const std::vector<saved::Resting>& resting) {
  if (bytes_ == 0) return WriteAnew(resting);
  if (resting.empty()) return;
  if (absl::Status added = Append(RestsLines(resting)); !added.ok()) return Drop(added);
  for (const saved::Resting& one : resting) noted_.insert(one.session_id());
}

void RestNotes::WriteAnew(const std::vector<saved::Resting>& resting) {
  if (boot_id_.empty() || (resting.empty() && bytes_ == 0)) return;
  const std::string lines = absl::StrCat(BootLine(boot_id_), RestsLines(resting));
  if (absl::Status written = ReplaceFile(path_, lines); !written.ok()) return Drop(written);
  bytes_ = bytes_anew_ = lines.size();
  noted_.clear();
  for (const saved::Resting& one : resting) noted_.insert(one.session_id());
}

void RestNotes::Leave(const std::string& session_id) {
  if (noted_.erase(session_id) == 0) return;
  saved::RestLine line;
  line.set_left(session_id);
  if (absl::Status left = Append(Encode(line)); !left.ok()) Drop(left);
}

absl::Status RestNotes::Append(absl::string_view lines) {
  const ScopedFd file(open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, path_);
  absl::Status written = WriteAt(file, bytes_, lines, path_);
  if (written.ok()) bytes_ += lines.size();
  return written;
}

void RestNotes::Drop(const absl::Status& why) {
  LogInfo("notes of which sessions rest are dropped, and their files are read: ", why.message());
  if (unlink(path_.c_str()) != 0 && errno != ENOENT) {
    LogError(path_, " stays: ", strerror(errno));
  }
  bytes_ = bytes_anew_ = 0;
  noted_.clear();
}

}  // namespace iris
