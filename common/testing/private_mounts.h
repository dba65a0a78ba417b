#ifndef IRIS_COMMON_TESTING_PRIVATE_MOUNTS_H_
#define IRIS_COMMON_TESTING_PRIVATE_MOUNTS_H_

#include <string>

namespace iris {

// Gives this process and its children file systems of their own, gone with them: an empty /tmp and
// /var/tmp, which hold what a test may leave behind or fill up. Without root, a user namespace in
// which we are root. Call before the first thread starts. Aborts where the kernel refuses.
void EnterPrivateMounts();

// Mounts an empty file system on the existing directory `path`. `options` as of mount(8) for tmpfs:
// "size=64k", "nr_inodes=3", or empty. Only after EnterPrivateMounts().
void MountEmpty(const std::string& path, const std::string& options, bool noexec = false,
                bool read_only = false);
void UnmountEmpty(const std::string& path);

}  // namespace iris

#endif  // IRIS_COMMON_TESTING_PRIVATE_MOUNTS_H_
