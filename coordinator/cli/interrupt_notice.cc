#include "coordinator/cli/interrupt_notice.h"

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "coordinator/cli/tell_id.h"

namespace iris {
namespace {

// Only what a signal handler may touch: written before the handler is set.
char notice[512];
size_t notice_bytes = 0;

extern "C" void TellAndDie(int signal_number) {
  (void)!write(STDERR_FILENO, notice, notice_bytes);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

// Who is to ignore a signal goes on ignoring it.
void SetHandler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  // The signal is blocked in its handler; raised again it must be taken at once.
  action.sa_flags = SA_NODEFER;
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (now.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
}

}  // namespace

InterruptNotice::InterruptNotice(const std::string& tell_id) {
  const std::string text =
      absl::StrCat("\nThe team keeps working. Get the answer: iris tells ", ShortId(tell_id),
                   " --wait\nStop it: iris cancel ", ShortId(tell_id), "\n");
  notice_bytes = text.copy(notice, sizeof(notice));
  SetHandler(TellAndDie);
}

InterruptNotice::~InterruptNotice() { SetHandler(SIG_DFL); }

}  // namespace iris
