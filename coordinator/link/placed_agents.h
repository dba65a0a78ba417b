#ifndef IRIS_COORDINATOR_LINK_PLACED_AGENTS_H_
#define IRIS_COORDINATOR_LINK_PLACED_AGENTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// An agent on a host, and the way by which it was reached last; or one that may be at the end of a
// way by which somebody tried to put one there.
struct PlacedAgent {
  std::string place;  // PlaceOf(), or PlaceOfAttempt().
  std::string name;   // "user@host:port", for people.
  // Or why it is not known: FAILURE_BAD_REQUEST, FAILURE_STORAGE.
  absl::StatusOr<RemoteWay> way;
};

// Host, account and folder of the agent that greets so: the same over its lives, and over those of
// its host.
std::string PlaceOf(const v1::Hello& hello);
// The folder of such a place.
absl::string_view FolderOf(absl::string_view place);

// Stands for the place of what the attempts of one link may have started, which nobody knows before
// it has greeted: no agent has such a place. By the way as it was then, of which it holds a digest,
// and by LinkLife::identity.
std::string PlaceOfAttempt(const RemoteWay& way, absl::string_view link_identity);
bool IsAttempt(absl::string_view place);
// The attempt went by what `way` is now: what is written as ${VAR} in it stood for the same.
bool IsAttemptBy(absl::string_view place, const RemoteWay& way);

// Where this coordinator has put an agent, or has found one and used it, over all its lives. Lives
// on the coordinator's loop.
class PlacedAgents {
 public:
  virtual ~PlacedAgents() = default;

  // One answers there; the names as in PlacedAgent. Cheap, but for the first time.
  virtual void Note(const std::string& place, const std::string& name, const RemoteWay& way) = 0;
  // It was ended; or, of an attempt: what is there has greeted.
  virtual void Forget(const std::string& place) = 0;
  // An attempt begins, which may start an agent that never greets this life of the coordinator;
  // `place` is PlaceOfAttempt(). Returns once it is known to later lives.
  virtual void NoteAttempt(const std::string& place, const std::string& name,
                           const RemoteWay& way) = 0;
  // It has ended. What may have started an agent stays noted until Forget(), and so does what an
  // earlier attempt may have started there; for 7 days.
  virtual void NoteAttemptEnd(const std::string& place, bool may_have_started) = 0;
  // A stop tries to reach these: next time the others come first.
  virtual void NoteTried(const std::vector<std::string>& places) = 0;
  // Those that were noted and not forgotten: what no stop has tried comes first, then what was
  // tried the longest ago, and of those alike the newest. Not what an attempt that is under way is
  // the first to start: who makes it knows more. What is written as ${VAR} in their ways is of
  // `asker`; null: of this process. FAILURE_STORAGE.
  virtual absl::StatusOr<std::vector<PlacedAgent>> All(const SharedEnvironment& asker) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_PLACED_AGENTS_H_
