#ifndef IRIS_COORDINATOR_STORE_SQLITE_NETWORK_FS_H_
#define IRIS_COORDINATOR_STORE_SQLITE_NETWORK_FS_H_

#include <string>

namespace iris {

// Whether `path` lies on a file system whose other hosts can change it, or whose shared memory maps
// and locks cannot be relied on: NFS, SMB, 9p, FUSE (sshfs) and the cluster file systems. False
// where it cannot be found out.
bool IsOnNetworkFileSystem(const std::string& path);

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_NETWORK_FS_H_
