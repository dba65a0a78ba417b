#include "common/process/file_size_limit.h"

#include <signal.h>
#include <sys/resource.h>

namespace iris {

void SurviveFileSizeLimit() { signal(SIGXFSZ, SIG_IGN); }

void RaiseFileSizeLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace iris
