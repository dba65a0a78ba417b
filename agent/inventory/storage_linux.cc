#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/inventory/storage.h"
#include "common/base/small_file.h"

namespace iris {
namespace {

constexpr size_t kMountsBytesMax = 1 << 20;
constexpr int kLinksMax = 40;  // As the kernel has it.

struct Mount {
  std::string at;
  bool on_network = false;
};

// The names of what StorageOfMagic() knows by number. An automounter waits for what it mounts.
bool IsTypeOfNetwork(absl::string_view type) {
  constexpr absl::string_view kTypes[] = {"9p",   "afs",   "autofs", "beegfs",  "ceph",
                                          "cifs", "coda",  "gpfs",   "lustre",  "pvfs2",
                                          "smb3", "smbfs", "vboxsf", "virtiofs"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes) ||
         absl::StartsWith(type, "nfs") || absl::StartsWith(type, "fuse");
}

// A blank in a path stands as \040 there.
std::string Unescaped(absl::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0')));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// "36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw": proc(5).
std::vector<Mount> ReadMounts(const std::string& file) {
  std::vector<Mount> mounts;
  const std::string table = ReadSmallFile(file, kMountsBytesMax);
  for (const absl::string_view line : absl::StrSplit(table, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || dash == words.end() || dash + 1 == words.end()) continue;
    mounts.push_back({.at = Unescaped(words[4]), .on_network = IsTypeOfNetwork(dash[1])});
  }
  return mounts;
}

bool IsAtOrBelow(absl::string_view path, absl::string_view directory) {
  return absl::ConsumePrefix(&path, directory) &&
         (path.empty() || path[0] == '/' || directory == "/");
}

// Of mounts on one directory the last is what is seen.
bool IsOnNetworkMount(const std::string& path, const std::vector<Mount>& mounts) {
  const Mount* nearest = nullptr;
  for (const Mount& mount : mounts) {
    if (!IsAtOrBelow(path, mount.at)) continue;
    if (nearest == nullptr || mount.at.size() >= nearest->at.size()) nearest = &mount;
  }
  return nearest != nullptr && nearest->on_network;
}

}  // namespace

v1::StorageClass StorageOfMagic(uint32_t magic) {
  switch (magic) {
    case 0x01021994:  // tmpfs
    case 0x858458F6:  // ramfs
      return v1::STORAGE_TMPFS;
    case 0x00006969:  // NFS
    case 0x0000517B:  // SMB
    case 0xFF534D42:  // CIFS
    case 0xFE534D42:  // SMB2
    case 0x65735546:  // FUSE: sshfs, s3fs, and other things that are not here
    case 0x0BD00BD0:  // Lustre
    case 0x00C36400:  // Ceph
    case 0x5346414F:  // AFS (kernel)
    case 0x6B414653:  // kAFS
    case 0x73757245:  // Coda
    case 0x01021997:  // 9P: WSL's drives, virtual machines' shares
    case 0x47504653:  // GPFS
    case 0x19830326:  // BeeGFS
    case 0x20030528:  // OrangeFS
    case 0x786F4256:  // VirtualBox shared folder
      return v1::STORAGE_NETWORK;
    default:
      return v1::STORAGE_DISK;
  }
}

v1::StorageClass StorageOf(const std::string& path) {
  struct statfs info;
  if (statfs(path.c_str(), &info) != 0) return v1::STORAGE_UNSPECIFIED;
  return StorageOfMagic(static_cast<uint32_t>(info.f_type));
}

// A step at a time, as the kernel goes, and none onto a mount of the network: readlink() looks only
// at directories that were found to be none.
bool LiesOnNetwork(const std::string& path, const std::string& mounts) {
  const std::vector<Mount> table = ReadMounts(mounts);
  if (table.empty()) return StorageOf(path) == v1::STORAGE_NETWORK;
  std::deque<std::string> steps = absl::StrSplit(path, '/', absl::SkipEmpty());
  std::string at;  // Without links; empty: the root.
  int links = 0;
  while (!steps.empty()) {
    const std::string step = std::move(steps.front());
    steps.pop_front();
    if (step == ".") continue;
    if (step == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    const std::string next = absl::StrCat(at, "/", step);
    if (IsOnNetworkMount(next, table)) return true;
    char target[PATH_MAX];
    const ssize_t bytes = readlink(next.c_str(), target, sizeof(target));
    if (bytes <= 0) {
      at = next;
      continue;
    }
    if (++links > kLinksMax) return false;
    const absl::string_view to(target, static_cast<size_t>(bytes));
    if (to[0] == '/') at.clear();
    const std::vector<std::string> more = absl::StrSplit(to, '/', absl::SkipEmpty());
    steps.insert(steps.begin(), more.begin(), more.end());
  }
  return IsOnNetworkMount(at.empty() ? "/" : at, table);
}

// As the install script names them: bin/iris-agent-SHA256.
Builds CountBuilds(const std::string& data_dir) {
  Builds builds;
  const std::string bin = data_dir + "/bin";
  DIR* const listing = opendir(bin.c_str());
  if (listing == nullptr) return builds;
  while (const dirent* entry = readdir(listing)) {
    struct stat info;
    if (strncmp(entry->d_name, "iris-agent-", 11) != 0 ||
        fstatat(dirfd(listing), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    ++builds.count;
    builds.bytes += static_cast<uint64_t>(info.st_size);
  }
  closedir(listing);
  return builds;
}

}  // namespace iris
