// Stands in for iris-agent: `version`, and `bridge --data DIR [--home DIR]`, which says hello on
// stdout and on a socket of its own, then repeats what it is sent. What the data directory's file
// "misbehave" says changes it: "silent" (no hello), "halfway" (two bytes of it), "old" (another
// protocol), "die" (exit 1 with a typed failure), "killed" (by a signal).

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "proto/iris/v1/agent.pb.h"

namespace {

void WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n <= 0) return;
    done += n;
  }
}

std::string FramedHello(const std::string& socket_path, const std::string& data, bool old,
                        int number) {
  iris::v1::Hello hello;
  hello.mutable_protocol()->set_min(old ? 98 : 1);
  hello.mutable_protocol()->set_max(old ? 99 : 1);
  hello.set_build("fake\x1b[31m");
  char incarnation[40];
  snprintf(incarnation, sizeof(incarnation), "%08x-0000-4000-8000-00000000000%d", getpid(), number);
  hello.set_incarnation(incarnation);
  hello.set_pid(getpid());
  hello.set_socket_path(socket_path);
  hello.set_data_dir(data);
  const char* lang = getenv("LANG");
  const mode_t mask = umask(0);
  umask(mask);
  hello.set_locale(lang != nullptr ? lang : "umask " + std::to_string(mask));
  const std::string bytes = hello.SerializeAsString();
  const auto size = static_cast<uint32_t>(bytes.size());
  std::string framed;
  for (int shift = 24; shift >= 0; shift -= 8) framed += static_cast<char>(size >> shift & 0xFF);
  return framed + bytes;
}

int Listen(const std::string& path) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0) return -1;
  return listen(fd, 8) == 0 ? fd : -1;
}

// The real bridge, too, drops newlines and lines that begin with a blank before gRPC's first byte.
class Nudges {
 public:
  std::string Without(const std::string& bytes) {
    size_t first = 0;
    while (!begun_ && first < bytes.size()) {
      begun_ = !in_line_ && bytes[first] != '\n' && bytes[first] != ' ';
      if (begun_) break;
      in_line_ = bytes[first++] != '\n';
    }
    return bytes.substr(first);
  }

 private:
  bool begun_ = false;
  bool in_line_ = false;
};

int Bridge(const std::string& data) {
  std::string misbehave;
  std::ifstream(data + "/misbehave") >> misbehave;
  if (misbehave == "die") {
    fprintf(stderr, "iris-agent: storage: the disk of %s is full\n", data.c_str());
    return 1;
  }
  if (misbehave == "killed") raise(SIGKILL);
  const std::string path = "/tmp/iris-fake-" + std::to_string(getpid()) + ".sock";
  const int listener = Listen(path);
  const std::string told_path = misbehave == "colon" ? "localhost:22" : path;
  const std::string hello = FramedHello(told_path, data, misbehave == "old", 0);
  const std::string on_socket = misbehave == "impostor" ? FramedHello(path, data, false, 1) : hello;
  if (misbehave == "halfway") {
    WriteAll(STDOUT_FILENO, hello.substr(0, 2));
    std::ofstream(data + "/said_half") << "";
  } else if (misbehave != "silent") {
    WriteAll(STDOUT_FILENO, hello);
  }
  std::vector<struct pollfd> fds = {{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
  Nudges nudges;
  while (poll(fds.data(), fds.size(), -1) >= 0) {
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      if (fds[i].fd == listener) {
        const int client = accept(listener, nullptr, nullptr);
        WriteAll(client, on_socket);
        fds.push_back({client, POLLIN, 0});
        break;
      }
      char buffer[4096];
      const ssize_t n = read(fds[i].fd, buffer, sizeof(buffer));
      if (n <= 0 && i == 0) {
        unlink(path.c_str());
        return 0;
      }
      if (n <= 0) {
        close(fds[i].fd);
        fds.erase(fds.begin() + i);
        break;
      }
      const std::string bytes(buffer, n);
      WriteAll(i == 0 ? STDOUT_FILENO : fds[i].fd, i == 0 ? nudges.Without(bytes) : bytes);
    }
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "version") {
    puts("fake");
    return 0;
  }
  if (verb == "bridge" && argc > 3) return Bridge(argv[3]);
  return 64;
}
