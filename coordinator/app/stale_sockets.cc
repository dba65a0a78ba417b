#include "coordinator/app/stale_sockets.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/base/scoped_fd.h"

namespace iris {
namespace {

namespace fs = std::filesystem;

// "c" (control), "f" (forward) or "l" (log), and eight hex digits of the connection's marker.
bool IsNameOfSsh(const std::string& name) {
  return name.size() == 9 && (name[0] == 'c' || name[0] == 'f' || name[0] == 'l') &&
         std::all_of(name.begin() + 1, name.end(),
                     [](unsigned char c) { return isxdigit(c) != 0; });
}

bool NobodyListens(const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(address.sun_path)) return false;
  memcpy(address.sun_path, path.data(), path.size());
  const ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd.valid() &&
         connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

void SweepStaleSockets(const std::string& dir) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, ignored)) {
    const std::string path = entry.path().string();
    if (!IsNameOfSsh(entry.path().filename().string())) continue;
    const bool is_log = entry.path().filename().string()[0] == 'l' && !entry.is_socket(ignored);
    if (is_log || (entry.is_socket(ignored) && NobodyListens(path))) unlink(path.c_str());
  }
}

}  // namespace iris
