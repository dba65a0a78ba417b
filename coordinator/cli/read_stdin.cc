#include "coordinator/cli/read_stdin.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

absl::Status CannotBeRead(int error) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("stdin cannot be read: ", strerror(error)),
                     "Put a file or a pipe there, as in `git diff | iris tell TEAM -`.");
}

}  // namespace

absl::StatusOr<std::string> ReadStdin(size_t bytes_max) {
  std::string text;
  char buffer[64 << 10];
  while (text.size() <= bytes_max) {
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {  // Whoever shares it with us has made it so.
      pollfd in = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      poll(&in, 1, -1);
      continue;
    }
    if (n < 0) return CannotBeRead(errno);
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  if (text.size() > bytes_max) text.resize(bytes_max + 1);
  return text;
}

}  // namespace iris
