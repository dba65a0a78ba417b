// Takes the numbers 0 to 2 where stdin, stdout or stderr is closed, so that no file and no socket
// of ours gets them: an answer would be written into it. Reading and writing still fail, with
// EBADF. A program that links this has it; nothing calls it.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <initializer_list>

namespace iris {
namespace {

// Before the objects of libraries are made: gRPC's take an eventfd, and would get number 0.
constexpr int kFirst = 101;

__attribute__((constructor(kFirst))) void HoldStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // For the direction that is of no use. Those below are open: it gets this number.
    const int held = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (held != fd) _exit(EXIT_FAILURE);
  }
}

}  // namespace
}  // namespace iris
