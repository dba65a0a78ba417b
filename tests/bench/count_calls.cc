// Counts the system calls of processes that run, whatever thread makes them.
//
//   count_calls PID…
//
// Says "counting" when it does. At the end of its stdin it says how often which call was made, as
// JSON, and leaves the processes as they were: {"PID": {"all": 178, "futex": 46, …}, …}. Those that
// are not in the list below are under "other". Needs the right to trace them (root).
//
// Two stops a call make a process several times slower: what it does by the clock counts more then.
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>

namespace iris::bench {
namespace {

constexpr int kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;
constexpr int kSyscallStop = SIGTRAP | 0x80;

#define IRIS_NAMED(call) \
  { SYS_##call, #call }
const std::map<uint64_t, std::string>& Names() {
  static const auto* names = new std::map<uint64_t, std::string>{
      IRIS_NAMED(read),          IRIS_NAMED(write),      IRIS_NAMED(readv),
      IRIS_NAMED(writev),        IRIS_NAMED(pread64),    IRIS_NAMED(pwrite64),
      IRIS_NAMED(sendmsg),       IRIS_NAMED(recvmsg),    IRIS_NAMED(sendto),
      IRIS_NAMED(recvfrom),      IRIS_NAMED(futex),      IRIS_NAMED(epoll_ctl),
      IRIS_NAMED(epoll_pwait),   IRIS_NAMED(ppoll),      IRIS_NAMED(fsync),
      IRIS_NAMED(fdatasync),     IRIS_NAMED(openat),     IRIS_NAMED(close),
      IRIS_NAMED(fstat),         IRIS_NAMED(newfstatat), IRIS_NAMED(statfs),
      IRIS_NAMED(fcntl),         IRIS_NAMED(flock),      IRIS_NAMED(lseek),
      IRIS_NAMED(ftruncate),     IRIS_NAMED(mmap),       IRIS_NAMED(munmap),
      IRIS_NAMED(madvise),       IRIS_NAMED(mprotect),   IRIS_NAMED(brk),
      IRIS_NAMED(clock_gettime), IRIS_NAMED(getpid),     IRIS_NAMED(timerfd_settime),
      IRIS_NAMED(getrandom),     IRIS_NAMED(unlinkat),   IRIS_NAMED(faccessat),
#ifdef SYS_epoll_wait
      IRIS_NAMED(epoll_wait),    IRIS_NAMED(poll),       IRIS_NAMED(access),
      IRIS_NAMED(unlink),        IRIS_NAMED(stat),       IRIS_NAMED(open),
#endif
  };
  return *names;
}
#undef IRIS_NAMED

[[noreturn]] void Die(const std::string& what) {
  perror(what.c_str());
  exit(1);
}

std::set<pid_t> ThreadsOf(pid_t pid) {
  std::set<pid_t> threads;
  DIR* folder = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (folder == nullptr) Die(std::to_string(pid));
  while (const dirent* entry = readdir(folder)) {
    if (const pid_t thread = atoi(entry->d_name); thread > 0) threads.insert(thread);
  }
  closedir(folder);
  return threads;
}

// A number of /proc/THREAD/status, whose name ends with a colon; 0: the thread is gone.
pid_t NumberOf(pid_t thread, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  for (std::string word; status >> word;) {
    pid_t number = 0;
    if (word == name && status >> number) return number;
  }
  return 0;
}

class Counter {
 public:
  // Its threads, and those that they make from now on.
  void Attach(pid_t pid) {
    for (bool found_more = true; found_more;) {
      found_more = false;
      for (const pid_t thread : ThreadsOf(pid)) {
        if (process_of_.count(thread) > 0) continue;
        if (ptrace(PTRACE_SEIZE, thread, nullptr, kOptions) != 0) {
          const int error = errno;
          if (error == ESRCH) continue;  // It is gone.
          // One that a thread of this list has just made is traced already.
          if (NumberOf(thread, "TracerPid:") != getpid()) {
            errno = error;
            Die("ptrace " + std::to_string(thread));
          }
        }
        found_more = process_of_.emplace(thread, pid).second;
        if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0) unstopped_.insert(thread);
      }
    }
  }

  // What has happened; true if every thread is watched.
  bool Follow() {
    int status = 0;
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
      OnStatus(thread, status);
    }
    return unstopped_.empty();
  }

  void Print() const {
    std::string text = "{";
    for (const auto& [pid, calls] : calls_) {
      std::map<std::string, uint64_t> named;
      uint64_t all = 0;
      for (const auto& [number, count] : calls) {
        const auto name = Names().find(number);
        named[name == Names().end() ? "other" : name->second] += count;
        all += count;
      }
      text += (text == "{" ? "\"" : ", \"") + std::to_string(pid) +
              "\": {\"all\": " + std::to_string(all);
      for (const auto& [name, count] : named) {
        text += ", \"" + name + "\": " + std::to_string(count);
      }
      text += "}";
    }
    std::cout << text << "}\n";
  }

 private:
  void OnStatus(pid_t thread, int status) {
    if (!WIFSTOPPED(status)) {
      unstopped_.erase(thread);
      process_of_.erase(thread);
      return;
    }
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    int passed_on = 0;
    if (signal == kSyscallStop) {
      Count(thread);
    } else if (event == PTRACE_EVENT_STOP) {
      unstopped_.erase(thread);
      if (signal != SIGTRAP) {  // Stopped by SIGSTOP: it stays so.
        ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
        return;
      }
    } else if (event == 0) {
      passed_on = signal;
    }
    ptrace(PTRACE_SYSCALL, thread, nullptr, passed_on);
  }

  void Count(pid_t thread) {
    __ptrace_syscall_info info = {};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    pid_t& pid = process_of_[thread];
    if (pid == 0) pid = NumberOf(thread, "Tgid:");
    ++calls_[pid][info.entry.nr];
  }

  std::map<pid_t, pid_t> process_of_;                    // By thread.
  std::set<pid_t> unstopped_;                            // Are not watched yet.
  std::map<pid_t, std::map<uint64_t, uint64_t>> calls_;  // How often, by pid and number.
};

int Main(int argc, char** argv) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const int news = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (news < 0) Die("signalfd");
  Counter counter;
  for (int i = 1; i < argc; ++i) counter.Attach(atoi(argv[i]));
  bool counting = false;
  while (true) {
    if (counter.Follow() && !counting) {
      counting = true;
      std::cout << "counting" << std::endl;
    }
    pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                    {.fd = news, .events = POLLIN, .revents = 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) Die("poll");
    signalfd_siginfo dropped;
    while (read(news, &dropped, sizeof dropped) > 0) {
    }
    if (fds[0].revents != 0) break;
  }
  counter.Print();
  return 0;  // Which lets go of all of them.
}

}  // namespace
}  // namespace iris::bench

int main(int argc, char** argv) { return iris::bench::Main(argc, argv); }
