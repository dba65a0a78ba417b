#include "tests/programs/termination.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace iris::stub {
namespace {

struct LastAct {
  pid_t tool;
  int transcript;
  std::string line;
};

// Read by the handler; replaced whole, and never freed while a signal may come.
std::atomic<const LastAct*> last_act{nullptr};
int interrupts[2];

void Terminate(int number) {
  if (const LastAct* act = last_act.load()) {
    kill(-act->tool, SIGKILL);
    if (write(act->transcript, act->line.data(), act->line.size()) < 0) _exit(128 + number);
  }
  _exit(128 + number);
}

void Interrupt(int) {
  if (write(interrupts[1], "i", 1) < 0) _exit(1);
}

void Handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

}  // namespace

int InstallSignalHandlers() {
  if (pipe2(interrupts, O_CLOEXEC | O_NONBLOCK) < 0) abort();
  Handle(SIGTERM, Terminate);
  Handle(SIGHUP, Terminate);
  Handle(SIGINT, Interrupt);
  signal(SIGPIPE, SIG_IGN);
  return interrupts[0];
}

void OnTerminationKill(pid_t tool, int transcript, const std::string& line) {
  last_act = new LastAct{tool, transcript, line};
}

void OnTerminationKillNothing() { last_act = nullptr; }

void Wedge() {
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) signal(number, SIG_IGN);
  for (;;) pause();
}

}  // namespace iris::stub
