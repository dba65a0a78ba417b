#ifndef IRIS_COORDINATOR_APP_STORED_PLACES_H_
#define IRIS_COORDINATOR_APP_STORED_PLACES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// Where agents are, in the store. Lives on the coordinator's loop.
class StoredPlaces final : public PlacedAgents {
 public:
  // An attempt may be behind an agent for so long.
  static constexpr absl::Duration kAttemptCounts = absl::Hours(7 * 24);

  // `store` outlives this. `home`: what ~/ stands for in a way, as in ConfigSource.
  StoredPlaces(StoreQueue& store, std::string home);

  // Stored once a day, and where the way has changed; after a minute again where the store did not
  // take it. Posted, as all is but for attempts: those are durable before a host is tried.
  void Note(const std::string& place, const std::string& name, const RemoteWay& way) override;
  void Forget(const std::string& place) override;
  void NoteAttempt(const std::string& place, const std::string& name,
                   const RemoteWay& way) override;
  void NoteAttemptEnd(const std::string& place, bool may_have_started) override;
  void NoteTried(const std::vector<std::string>& places) override;
  absl::StatusOr<std::vector<PlacedAgent>> All(const SharedEnvironment& asker) override;

 private:
  struct Noted {
    std::string way;
    absl::Time tried;
    bool stored = false;
  };

  // What is to be stored of an agent; nothing: the store has it.
  absl::optional<Store::Placed> NewsOf(const std::string& place, const std::string& name,
                                       const RemoteWay& way);
  void OnStored(const Store::Placed& agent, const absl::Status& stored);

  StoreQueue& store_;
  const std::string home_;
  std::map<std::string, Noted> noted_;  // In this life, by place.
  // Attempts by their places: how many are under way, and those that may have started an agent, in
  // this life or in an earlier one.
  std::map<std::string, int> under_way_;
  std::set<std::string> may_have_started_;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_STORED_PLACES_H_
