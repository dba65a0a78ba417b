#include "common/base/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/scoped_fd.h"

namespace iris {
namespace {

constexpr size_t kStepBytes = 4096;

}  // namespace

std::string ReadSmallFile(const std::string& path, size_t bytes_max) {
  // O_NONBLOCK: a FIFO in its place has nothing to say and must not stop us.
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return "";
  // Not all that may be read at once: to fill a megabyte with zeros takes longer than most files.
  std::string text;
  size_t done = 0;
  while (done < bytes_max) {
    text.resize(std::min(bytes_max, std::max(kStepBytes, 2 * done)));
    const ssize_t n = read(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

}  // namespace iris
