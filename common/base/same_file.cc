#include "common/base/same_file.h"

#include <sys/stat.h>

namespace iris {

bool IsSameFile(const std::string& path, int fd) {
  struct stat open, there;
  return fstat(fd, &open) == 0 && stat(path.c_str(), &there) == 0 && open.st_dev == there.st_dev &&
         open.st_ino == there.st_ino;
}

}  // namespace iris
