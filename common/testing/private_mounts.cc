#include "common/testing/private_mounts.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace iris {
namespace {

void Check(bool done, const char* what) {
  if (done) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  std::abort();
}

void BecomeRootOfOwnNamespace() {
  const std::string uid = std::to_string(getuid());
  const std::string gid = std::to_string(getgid());
  Check(unshare(CLONE_NEWUSER) == 0, "user namespace");
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << gid << " 1";
}

}  // namespace

void EnterPrivateMounts() {
  if (geteuid() != 0) BecomeRootOfOwnNamespace();
  Check(unshare(CLONE_NEWNS) == 0, "mount namespace");
  Check(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
  MountEmpty("/tmp", "mode=1777");
  MountEmpty("/var/tmp", "mode=1777");
}

void MountEmpty(const std::string& path, const std::string& options, bool noexec, bool read_only) {
  const unsigned long flags = (noexec ? MS_NOEXEC : 0) | (read_only ? MS_RDONLY : 0);
  Check(mount("tmpfs", path.c_str(), "tmpfs", flags, options.c_str()) == 0, path.c_str());
}

void UnmountEmpty(const std::string& path) {
  // Detached: what still runs there keeps it until it ends.
  Check(umount2(path.c_str(), MNT_DETACH) == 0, path.c_str());
}

}  // namespace iris
