#include "agent/session/handed_child.h"

#include <sys/types.h>
#include <unistd.h>

#include <utility>

#include "absl/time/time.h"
#include "agent/process/own_children.h"

namespace iris {

void HandOverChild(const ClaudeChild& claude, handover::Session& state) {
  ClaudeHandover from = claude.HandOver();
  handover::Child& child = *state.mutable_child();
  child.set_keeper(from.child.keeper);
  child.set_pid(from.child.pid);
  child.set_start_time(from.child.start_time);
  child.set_stdin_fd(from.child.stdin_fd);
  child.set_stdout_fd(from.child.stdout_fd);
  child.set_stderr_fd(from.child.stderr_fd);
  child.set_report_fd(from.child.report_fd);
  child.set_unwritten(std::move(from.child.unwritten));
  child.set_report_text(std::move(from.child.report_text));
  state.set_unread_bytes(from.unread_bytes);
  state.set_resumed(from.resumed);
  state.set_program(from.program);
  state.set_started_at_ms(absl::ToUnixMillis(from.started_at));
  state.set_stderr_tail(from.stderr_tail);
  state.set_unfinished_line(claude.scanner().unfinished());
}

ClaudeHandover ChildIn(const handover::Session& state) {
  const handover::Child& child = state.child();
  return {.child = {.keeper = static_cast<pid_t>(child.keeper()),
                    .pid = static_cast<pid_t>(child.pid()),
                    .start_time = child.start_time(),
                    .stdin_fd = child.stdin_fd(),
                    .stdout_fd = child.stdout_fd(),
                    .stderr_fd = child.stderr_fd(),
                    .report_fd = child.report_fd(),
                    .unwritten = child.unwritten(),
                    .report_text = child.report_text()},
          .resumed = state.resumed(),
          .program = state.program(),
          .started_at = absl::FromUnixMillis(state.started_at_ms()),
          .stderr_tail = state.stderr_tail(),
          .unread_bytes = state.unread_bytes()};
}

void LetChildFinish(const handover::Session& state) {
  if (!state.has_child()) return;
  const handover::Child& child = state.child();
  OwnChildren::Get().AdoptUnheard(static_cast<pid_t>(child.keeper()));
  for (const int fd : {child.stdin_fd(), child.stdout_fd(), child.stderr_fd(), child.report_fd()}) {
    if (fd > 2) close(fd);
  }
}

}  // namespace iris
