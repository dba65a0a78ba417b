#include "coordinator/app/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/status/status.h"

namespace iris {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGHUP};

// What a handler may touch: the end of a pipe, and nothing else.
std::atomic<int> g_writer{-1};

void WakeLoop(int) {
  const int before = errno;
  const int writer = g_writer.load();
  if (writer >= 0) (void)!write(writer, "", 1);
  errno = before;
}

void Handle(int signal_number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal_number, &action, nullptr);
}

}  // namespace

TerminationSignals::TerminationSignals(EventLoop& loop, absl::AnyInvocable<void()> on_signal)
    : loop_(loop) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  reader_.Reset(ends[0]);
  writer_.Reset(ends[1]);
  const absl::Status watched = loop_.Watch(
      reader_.get(), {.readable = true},
      [reader = reader_.get(), on_signal = std::move(on_signal)](EventLoop::Ready) mutable {
        char drained[64];
        while (read(reader, drained, sizeof(drained)) > 0) continue;
        on_signal();
      });
  if (!watched.ok()) throw std::system_error(ENOSPC, std::generic_category(), "epoll");
  g_writer = writer_.get();
  for (const int signal_number : kSignals) Handle(signal_number, WakeLoop);
  Handle(SIGPIPE, SIG_IGN);
}

TerminationSignals::~TerminationSignals() {
  for (const int signal_number : kSignals) Handle(signal_number, SIG_DFL);
  g_writer = -1;
  loop_.Unwatch(reader_.get());
}

}  // namespace iris
