#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "coordinator/store/sqlite/network_fs.h"

namespace iris {
namespace {

// Those that <linux/magic.h> does not have, as statfs(2) lists them.
constexpr uint32_t kCifs = 0xff534d42;
constexpr uint32_t kLustre = 0x0bd00bd0;
constexpr uint32_t kGpfs = 0x47504653;
constexpr uint32_t kBeeGfs = 0x19830326;
constexpr uint32_t kSmb2 = 0xfe534d42;
constexpr uint32_t kFuse = 0x65735546;
constexpr uint32_t kCeph = 0x00c36400;

constexpr uint32_t kNetworkTypes[] = {
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC, CODA_SUPER_MAGIC,
    V9FS_MAGIC,      kCifs,           kLustre,         kGpfs,
    kBeeGfs,         kSmb2,           kFuse,           kCeph,
};

}  // namespace

bool IsOnNetworkFileSystem(const std::string& path) {
  struct statfs fs;
  if (statfs(path.c_str(), &fs) != 0) return false;
  // f_type is signed on some architectures: compare 32 bits.
  const auto type = static_cast<uint32_t>(fs.f_type);
  return std::find(std::begin(kNetworkTypes), std::end(kNetworkTypes), type) !=
         std::end(kNetworkTypes);
}

}  // namespace iris
