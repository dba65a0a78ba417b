#include "agent/journal/slot_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/journal/files.h"
#include "agent/journal/record.h"
#include "common/base/scoped_fd.h"

namespace iris {
namespace {

// generation (8) | length (4) | content | zeros | CRC-32 of all that (4)
constexpr size_t kSlotBytes = SlotFile::kFileBytes / 2;

std::string EncodeSlot(uint64_t generation, absl::string_view content) {
  std::string slot;
  AppendUint64(slot, generation);
  AppendUint32(slot, static_cast<uint32_t>(content.size()));
  slot.append(content.data(), content.size());
  slot.resize(kSlotBytes - 4);
  AppendUint32(slot, Crc32(slot));
  return slot;
}

bool IsWhole(absl::string_view slot) {
  return Crc32(slot.substr(0, kSlotBytes - 4)) == ReadUint32(slot.substr(kSlotBytes - 4)) &&
         ReadUint64(slot) > 0 && ReadUint32(slot.substr(8)) <= SlotFile::kContentBytesMax;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SlotFile>> SlotFile::Open(const std::string& path) {
  std::unique_ptr<SlotFile> file(new SlotFile(path));
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path, kFileBytes);
  if (absl::IsNotFound(bytes.status())) {
    file->generation_ = 1;
    const absl::Status made =
        ReplaceFile(path, absl::StrCat(std::string(kSlotBytes, '\0'), EncodeSlot(1, "")));
    if (!made.ok()) return made;
    return file;
  }
  if (!bytes.ok()) return bytes.status();
  for (size_t at = 0; at + kSlotBytes <= bytes->size(); at += kSlotBytes) {
    const absl::string_view slot = absl::string_view(*bytes).substr(at, kSlotBytes);
    if (!IsWhole(slot) || ReadUint64(slot) <= file->generation_) continue;
    file->generation_ = ReadUint64(slot);
    file->content_ = std::string(slot.substr(12, ReadUint32(slot.substr(8))));
  }
  if (file->generation_ == 0) return absl::DataLossError(absl::StrCat(path, " is damaged"));
  return file;
}

absl::Status SlotFile::Write(absl::string_view content) {
  if (content.size() > kContentBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, " cannot hold ", content.size(), " bytes"));
  }
  const uint64_t generation = generation_ + 1;
  const std::string slot = EncodeSlot(generation, content);
  const size_t at = generation % 2 == 0 ? 0 : kSlotBytes;
  const ScopedFd file(open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno != ENOENT) return absl::ErrnoToStatus(errno, path_);
  absl::Status written;
  if (!file) {
    std::string both(kFileBytes, '\0');
    written = ReplaceFile(path_, both.replace(at, kSlotBytes, slot));
  } else {
    written = WriteAt(file, at, slot, path_);
    if (written.ok() && fdatasync(file.get()) != 0) written = absl::ErrnoToStatus(errno, path_);
  }
  if (!written.ok()) return written;
  generation_ = generation;
  content_ = std::string(content);
  return absl::OkStatus();
}

}  // namespace iris
