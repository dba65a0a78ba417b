#include "coordinator/cli/read_stdin.h"

#include <unistd.h>

#include <cerrno>

namespace iris {

std::string ReadStdin(size_t bytes_max) {
  std::string text;
  char buffer[64 << 10];
  while (text.size() <= bytes_max) {
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  if (text.size() > bytes_max) text.resize(bytes_max + 1);
  return text;
}

}  // namespace iris
