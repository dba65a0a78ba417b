#include "coordinator/reach/ssh/testing/ssh_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/process/child_exit.h"
#include "common/process/run_program.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

const std::vector<std::string> kEnv = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};

[[noreturn]] void GiveUp(absl::string_view why) {
  fprintf(stderr, "sshd for the test: %s\n", std::string(why).c_str());
  std::abort();
}

void Run(const std::vector<std::string>& argv) {
  const absl::StatusOr<ProgramOutput> output =
      RunProgram(argv, kEnv, absl::Now() + absl::Seconds(30));
  if (!output.ok()) GiveUp(output.status().ToString());
  if (output->exit_code != 0) GiveUp(absl::StrCat(argv[0], ": ", output->err));
}

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // Below /proc reading may fail: the iterator of a stream would throw then.
  return text.str();
}

// {pid, parent, name} of every process.
struct Process {
  pid_t pid;
  pid_t parent;
  std::string name;
};
std::vector<Process> Processes() {
  std::vector<Process> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    const std::string stat = Contents(entry.path().string() + "/stat");
    const size_t open = stat.find('(');
    const size_t close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    int parent = 0;
    sscanf(stat.c_str() + close + 1, " %*c %d", &parent);
    found.push_back({pid, parent, stat.substr(open + 1, close - open - 1)});
  }
  return found;
}

}  // namespace

int OwnChildren(const std::string& name) {
  int count = 0;
  for (const Process& process : Processes()) {
    if (process.parent == getpid() && process.name == name) ++count;
  }
  return count;
}

RefusingPort::RefusingPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    GiveUp("no free port");
  }
  number_ = ntohs(address.sin_port);
}

SshHost::SshHost(const std::vector<std::string>& config) {
  std::filesystem::create_directory(home());
  std::filesystem::create_directories("/run/sshd");
  for (const char* name : {"host_key", "key"}) {
    Run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ClientFile(name)});
  }
  // Somebody else may take the port between the choice and sshd's bind: then another one.
  for (int tries = 0; tries < 5 && pid_ < 0; ++tries) Start(config);
  if (pid_ < 0) GiveUp(Contents(ClientFile("sshd.log")));
  std::ofstream(ClientFile("known_hosts")) << "[127.0.0.1]:" << port_ << ",[localhost]:" << port_
                                           << " " << Contents(ClientFile("host_key.pub"));
  std::ofstream(ClientFile("ssh_config")) << "";
}

void SshHost::Start(const std::vector<std::string>& config) {
  port_ = RefusingPort().number();
  std::ofstream file(ClientFile("sshd_config"));
  for (const std::string& line : config) file << line << "\n";
  file << "ListenAddress 127.0.0.1\nPort " << port_ << "\nHostKey " << ClientFile("host_key")
       << "\nPidFile none\nAuthorizedKeysFile " << ClientFile("key.pub")
       << "\nSetEnv HOME=" << home()
       << "\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
          "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
          "LogLevel VERBOSE\n";
  file.close();
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = {"/usr/sbin/sshd", "-D", "-f", ClientFile("sshd_config"), "-E",
                      ClientFile("sshd.log")},
             .env = kEnv,
             .cwd = "/",
             .fds = {},
             .new_session = true});
  if (!pid.ok()) GiveUp(pid.status().ToString());
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (absl::Now() < deadline) {
    if (WaitForChild(*pid, absl::InfinitePast()).has_value()) break;
    // Its own word: somebody else may listen there.
    if (LogCount("Server listening on 127.0.0.1") > 0) {
      pid_ = *pid;
      return;
    }
    poll(nullptr, 0, 5);
  }
  EndChild(*pid, absl::ZeroDuration());
}

SshHost::~SshHost() {
  EndSessions();
  EndChild(pid_, absl::Seconds(2));
}

SshTarget SshHost::Target() const {
  SshTarget target;
  target.remote.program = "ssh";
  target.remote.options = {"-F", ClientFile("ssh_config"),
                           "-o", absl::StrCat("UserKnownHostsFile=", ClientFile("known_hosts")),
                           "-o", "GlobalKnownHostsFile=/dev/null",
                           "-o", "IdentityAgent=none"};
  target.remote.destination = "root@127.0.0.1";
  target.options.port = port_;
  target.options.identity = ClientFile("key");
  target.options.connect_timeout = absl::Minutes(1);  // Whatever else this machine does.
  return target;
}

int SshHost::LogCount(const std::string& words) const {
  const std::string log = Contents(ClientFile("sshd.log"));
  int count = 0;
  for (size_t at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) ++count;
  return count;
}

void SshHost::EndSessions() {
  for (const Process& process : Processes()) {
    if (process.parent == pid_ && absl::StartsWith(process.name, "sshd"))
      kill(process.pid, SIGTERM);
  }
}

}  // namespace iris
