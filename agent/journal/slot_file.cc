#include "agent/journal/slot_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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
    file->generation_ = file->durable_ = 1;
    const absl::Status made =
        ReplaceFile(path, absl::StrCat(std::string(kSlotBytes, '\0'), EncodeSlot(1, "")));
    if (!made.ok()) return made;
    return file;
  }
  if (!bytes.ok()) return bytes.status();
  uint64_t older = 0;
  for (size_t at = 0; at + kSlotBytes <= bytes->size(); at += kSlotBytes) {
    const absl::string_view slot = absl::string_view(*bytes).substr(at, kSlotBytes);
    if (!IsWhole(slot)) continue;
    older = std::max(older, std::min(file->generation_, ReadUint64(slot)));
    if (ReadUint64(slot) <= file->generation_) continue;
    file->generation_ = ReadUint64(slot);
    file->content_ = std::string(slot.substr(12, ReadUint32(slot.substr(8))));
  }
  if (file->generation_ == 0) return absl::DataLossError(absl::StrCat(path, " is damaged"));
  // A slot that is not whole was torn by a loss of power, and what is read after one is durable.
  const bool is_durable = older == 0 || older + 1 == file->generation_;
  file->durable_ = is_durable ? file->generation_ : 0;
  return file;
}

absl::Status SlotFile::Write(absl::string_view content) { return Put(content, /*durably=*/true); }

absl::Status SlotFile::WriteUnsynced(absl::string_view content) {
  return Put(content, /*durably=*/false);
}

absl::Status SlotFile::Put(absl::string_view content, bool durably) {
  if (content.size() > kContentBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, " cannot hold ", content.size(), " bytes"));
  }
  const ScopedFd file(open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno != ENOENT) return absl::ErrnoToStatus(errno, path_);
  const auto sync = [&] {
    return fdatasync(file.get()) == 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, path_);
  };
  // Written by an earlier process, and nobody knows how: else both slots might be torn at once.
  if (file && durable_ == 0) {
    if (absl::Status synced = sync(); !synced.ok()) return synced;
    durable_ = generation_;
  }
  const uint64_t generation = NextGeneration(durably);
  const std::string slot = EncodeSlot(generation, content);
  const size_t at = generation % 2 == 0 ? 0 : kSlotBytes;
  absl::Status written;
  if (!file) {
    std::string both(kFileBytes, '\0');
    written = ReplaceFile(path_, both.replace(at, kSlotBytes, slot));
  } else {
    written = WriteAt(file, at, slot, path_);
    if (written.ok() && durably) written = sync();
  }
  if (!written.ok()) return written;
  generation_ = generation;
  if (durably || !file) durable_ = generation;
  content_ = std::string(content);
  return absl::OkStatus();
}

// Its parity is that of its slot: never the one that holds what is durable.
uint64_t SlotFile::NextGeneration(bool durably) const {
  uint64_t next = durable_ + (durably ? 1 : 3);
  while (next <= generation_) next += 2;
  return next;
}

}  // namespace iris
