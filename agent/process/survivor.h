#ifndef IRIS_AGENT_PROCESS_SURVIVOR_H_
#define IRIS_AGENT_PROCESS_SURVIVOR_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"

namespace iris {

// A process, known for good: a pid may be another's tomorrow.
struct ProcessId {
  pid_t pid = 0;  // 0 = none.
  uint64_t start_time = 0;

  // It runs, in our pid namespace. A zombie does not.
  bool Runs() const;

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

// It runs, and is a child of an agent that runs and is not this process: one account may have two,
// each with a data directory of its own. The keepers of an agent that is gone have got another
// parent; after an upgrade that lost its state this process is still theirs.
bool IsOfAnotherAgent(ProcessId keeper);

// What an agent that is gone has left of a session: a keeper and its claude, which saw the end of
// its stdin, finishes its turn, and leaves. Nothing may be started for the session before both are
// gone. Lives on the process loop.
class Survivor {
 public:
  // `on_gone` is called once, from the loop, when neither runs.
  Survivor(EventLoop& loop, ProcessId keeper, ProcessId claude, absl::AnyInvocable<void()> on_gone);
  ~Survivor();

  // Ends both, and what is below them, without waiting.
  void End();
  // It is no survivor, and must not be ended: as what is noted in a copy of another agent's data.
  bool is_of_another_agent() const { return IsOfAnotherAgent(keeper_); }

 private:
  void Look();

  EventLoop& loop_;
  const ProcessId keeper_;
  const ProcessId claude_;
  absl::AnyInvocable<void()> on_gone_;
  bool is_own_child_ = false;  // The keeper.
  int looks_since_end_ = -1;   // -1: End() was not called.
  EventLoop::TimerId timer_ = 0;
};

// The keepers of this account that run, by the session of their claude, found by their command
// lines: for when what was noted of them is lost. Without those of another agent.
std::map<std::string, ProcessId> FindKeepers();

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_SURVIVOR_H_
