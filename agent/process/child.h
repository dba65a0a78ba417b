#ifndef IRIS_AGENT_PROCESS_CHILD_H_
#define IRIS_AGENT_PROCESS_CHILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/loop/event_loop.h"

namespace iris {

struct ChildSpec {
  std::string keeper_program;     // This binary, absolute.
  std::string program;            // Absolute path of claude.
  std::vector<std::string> args;  // Without argv[0].
  std::vector<std::string> env;   // "NAME=value"; the whole environment.
  std::string cwd;                // Absolute.
  std::string life_file;          // Held as long as anything of it runs (life_lock.h); empty: none.
};

// How a process ended.
struct ExitStatus {
  bool by_signal = false;
  int number = 0;  // Exit code or signal.
};

// A child as the next program of this process needs it to go on with it: an upgrade by exec leaves
// process, children and descriptors as they are. -1: closed already.
struct ChildHandover {
  pid_t keeper = 0;
  pid_t pid = 0;
  uint64_t start_time = 0;
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int report_fd = -1;
  std::string unwritten;    // Queued for its stdin.
  std::string report_text;  // Of a line of the keeper's that has not ended.
};

// Hears of one child. On the process loop, never from inside a call to the child.
class ChildSink {
 public:
  virtual ~ChildSink() = default;
  // It runs. Not called when OnExited comes without it: then it could not be started.
  virtual void OnStarted(pid_t pid, uint64_t start_time) = 0;
  // What came from its stdout and stderr; at most 64 KiB a call.
  virtual void OnStdout(absl::string_view bytes) = 0;
  virtual void OnStderr(absl::string_view bytes) = 0;
  // claude is gone and all that it wrote was delivered. Not OK: it could not be started, or was
  // ended since nobody could hear it, and why (IsExhausted() for want of what a system has;
  // absl::IsFailedPrecondition() where the system refuses to run this program).
  virtual void OnExited(const absl::StatusOr<ExitStatus>& how) = 0;
  // Every descendant is gone too. Last; the child may be destroyed from inside this call.
  virtual void OnGone() = 0;
};

// One `claude` with its pipes. Lives on the process loop.
//
//   Start() → OnStarted → OnStdout/OnStderr … → OnExited → OnGone
class Child {
 public:
  // A process below a keeper (keeper.h). This process ignores SIGPIPE, is a child subreaper, and
  // has no children but these: a stray one is killed. `sink` and `loop` outlive the child. An
  // error: not even the keeper could be started; nothing follows.
  static absl::StatusOr<std::unique_ptr<Child>> Start(EventLoop& loop, const ChildSpec& spec,
                                                      ChildSink& sink);
  // Goes on with a child of the program that this process ran before. Takes the descriptors, also
  // when it fails: they are not what they should be, and closing them tells claude to finish.
  // OnStarted has been called.
  static absl::StatusOr<std::unique_ptr<Child>> Adopt(EventLoop& loop, ChildHandover handover,
                                                      ChildSink& sink);
  // Before OnGone: kills everything, without waiting.
  virtual ~Child() = default;

  // It runs, and nobody has begun to end it.
  virtual bool can_be_handed_over() const { return false; }
  // For Adopt() by the next program. The descriptors stay this child's.
  virtual ChildHandover HandOver() const { return {}; }

  // Queues bytes for its stdin; written as the pipe takes them. Dropped once it has exited.
  virtual void Write(std::string bytes) = 0;
  // What is queued and not in the pipe: claude does not read it, or not fast enough.
  virtual size_t queued_bytes() const { return 0; }
  // EOF after what is queued. Idempotent.
  virtual void CloseStdin() = 0;
  // Sends `signal` to claude alone, if it is still the process that was started.
  virtual void Signal(int signal) = 0;
  // SIGKILL to claude and every descendant.
  virtual void KillAll() = 0;

  // While paused nothing is read from its stdout and stderr: the pipes fill and the child waits.
  // OnExited waits too.
  virtual void PauseOutput(bool paused) = 0;

  // It holds the life file of its spec.
  virtual bool holds_life_file() const { return false; }

  virtual pid_t keeper() const = 0;
  virtual pid_t pid() const = 0;  // 0 before OnStarted.
  virtual uint64_t start_time() const = 0;
};

// As Child::Start().
using ChildStarter = std::function<absl::StatusOr<std::unique_ptr<Child>>(
    EventLoop& loop, const ChildSpec& spec, ChildSink& sink)>;

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_CHILD_H_
