#ifndef IRIS_AGENT_PROCESS_OWN_CHILDREN_H_
#define IRIS_AGENT_PROCESS_OWN_CHILDREN_H_

#include <sys/types.h>

#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/process/spawn.h"

namespace iris {

// The children of this process that are meant to live, until whoever wants them has reaped them.
// Every other one is a stray, left behind by a keeper, and is killed (child.h), unless it is a
// daemon of Iris. Thread-safe.
class OwnChildren {
 public:
  // One for the process, because its children are the process's.
  static OwnChildren& Get();

  // Spawn(), without a moment in which the child is taken for a stray.
  absl::StatusOr<pid_t> Start(const SpawnSpec& spec);
  // One that this process started before its program was replaced (an upgrade).
  void Adopt(pid_t pid);
  // The same of a keeper of which nobody will hear that it has left nothing: there may be others
  // until it is forgotten, and then.
  void AdoptUnheard(pid_t pid);
  // Reaped, or not wanted any more.
  void Forget(pid_t pid);
  bool Has(pid_t pid);

  // Others, zombies among them, as of now.
  std::vector<pid_t> FindOthers();
  // There may be others. At first nobody knows, since an earlier program of this process may have
  // had some; NoteOthers() says so again, and two calls of FindOthers() in a row that could look
  // and found none end it: a look may miss one where another is reaped meanwhile.
  bool may_have_others();
  void NoteOthers();

 private:
  static constexpr int kLooksMin = 2;

  absl::Mutex mutex_;
  std::set<pid_t> pids_ ABSL_GUARDED_BY(mutex_);
  std::set<pid_t> unheard_ ABSL_GUARDED_BY(mutex_);        // Of them.
  int looks_that_found_none_ ABSL_GUARDED_BY(mutex_) = 0;  // In a row.
};

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_OWN_CHILDREN_H_
