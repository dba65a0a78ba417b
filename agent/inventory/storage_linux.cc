#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstring>
#include <string>

#include "agent/inventory/storage.h"

namespace iris {

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
