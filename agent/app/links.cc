#include "agent/app/links.h"

#include <sys/stat.h>

namespace iris {
namespace {

// Socket inodes are counted up, so a number that was reused shows another one.
ino_t SocketInode(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

}  // namespace

void Links::Add(int fd) {
  Count();  // Forgets what has ended, so that the list stays as long as what is open.
  links_.push_back({fd, SocketInode(fd)});
}

size_t Links::Count() {
  std::erase_if(links_, [](const Link& link) { return SocketInode(link.fd) != link.inode; });
  return links_.size();
}

}  // namespace iris
