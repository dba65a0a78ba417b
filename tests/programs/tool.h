#ifndef IRIS_TESTS_PROGRAMS_TOOL_H_
#define IRIS_TESTS_PROGRAMS_TOOL_H_

#include <sys/types.h>

#include <string>

namespace iris::stub {

// A shell command that a turn waits for. Like claude's own it is a session and a process group of
// its own, with the command as the shell's child, and survives its parent's SIGKILL.
// Not thread-safe.
class Tool {
 public:
  explicit Tool(const std::string& command);
  ~Tool();

  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  // Readable once the shell has ended.
  int fd() const { return pidfd_; }
  pid_t pid() const { return pid_; }

  bool ended() const;

  // What the command printed. Waits for its end.
  std::string Collect();

  // Ends the whole group.
  void Kill();

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;  // A memory file: never fills, however much the command prints.
};

// Leaves behind a process that no mark leads to: a session of its own, an empty environment,
// reparented, asleep for 600 s. Returns its pid.
pid_t StartDaemon();

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_TOOL_H_
