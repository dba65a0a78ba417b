#ifndef IRIS_COORDINATOR_POOL_KNOWN_HOSTS_H_
#define IRIS_COORDINATOR_POOL_KNOWN_HOSTS_H_

#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "coordinator/config/config.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// Which teams' hosts answer, each by the way to it that is configured now, over all lives of the
// coordinator: one that is out of reach is waited for, one that never answered may be mistyped.
// Lives on the coordinator's loop.
class KnownHosts {
 public:
  // `store` outlives this.
  explicit KnownHosts(StoreQueue& store) : store_(store) {}

  // The team's host answered in this life, or in the last Store::kAnswerCounts. Also for a team on
  // this machine, whose agent may be slow to answer where much else runs.
  bool HasAnswered(const Team& team) const;
  // It answers. Cheap: stored once a day; after a minute again where the store did not take it.
  void OnAnswer(const Team& team);

 private:
  using TeamAndWay = std::pair<std::string, std::string>;
  struct Note {
    absl::Time tried;
    bool stored = false;
  };

  StoreQueue& store_;
  std::map<TeamAndWay, Note> notes_;  // Of those that answered in this life.
  AliveFlag alive_;                   // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_KNOWN_HOSTS_H_
