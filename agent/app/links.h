#ifndef IRIS_AGENT_APP_LINKS_H_
#define IRIS_AGENT_APP_LINKS_H_

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace iris {

// The connections that gRPC was given. It owns and closes their descriptors and tells nobody, so
// they are known by the socket behind the number. Not thread-safe.
class Links {
 public:
  void Add(int fd);
  // How many are open.
  size_t Count();

 private:
  struct Link {
    int fd;
    ino_t inode;
  };
  std::vector<Link> links_;
};

}  // namespace iris

#endif  // IRIS_AGENT_APP_LINKS_H_
