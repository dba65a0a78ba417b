#ifndef IRIS_COORDINATOR_REACH_SSH_GREETING_H_
#define IRIS_COORDINATOR_REACH_SSH_GREETING_H_

#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace iris {

// What a host, and those on the way there, say before every login (a banner), in contrast to what
// wants something of a person. Thread-safe.
class Greeting {
 public:
  // All that was said in a login that was granted at once; in place of what was learned before. It
  // may have more behind: what startup files say.
  void Learn(absl::string_view said);
  // Each line of it stood there the last time, or is one that ssh itself writes where it meets a
  // jump host for the first time.
  bool Knows(absl::string_view said) const;

 private:
  mutable absl::Mutex mutex_;
  std::set<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_GREETING_H_
