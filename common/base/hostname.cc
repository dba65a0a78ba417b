#include "common/base/hostname.h"

#include <unistd.h>

namespace iris {

std::string Hostname() {
  char name[256] = "";  // The kernel's have 64 at most.
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

}  // namespace iris
