#ifndef IRIS_COORDINATOR_CLI_PARENT_WATCH_H_
#define IRIS_COORDINATOR_CLI_PARENT_WATCH_H_

#include <thread>

#include "common/base/scoped_fd.h"

namespace iris {

// While it lives, this process ends at once, with code 0, when the process that was its parent at
// the beginning has ended, whatever its other threads do: a client that is killed may leave its end
// of our stdin with somebody else. Where no thread can be had, the end of stdin has to do.
class ParentWatch {
 public:
  ParentWatch();
  ~ParentWatch();

 private:
  ScopedFd parent_;
  ScopedFd stop_;
  std::thread thread_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_PARENT_WATCH_H_
