#ifndef IRIS_COORDINATOR_APP_STORED_PLACES_H_
#define IRIS_COORDINATOR_APP_STORED_PLACES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/store/store.h"

namespace iris {

// Where agents are, in the store. Lives on the coordinator's loop.
class StoredPlaces final : public PlacedAgents {
 public:
  // `store` outlives this.
  explicit StoredPlaces(Store& store) : store_(store) {}

  // Stored once a day, and where the way has changed; after a minute again where the store did not
  // take it.
  void Note(const PlacedAgent& agent) override;
  void Forget(const std::string& place) override;
  absl::StatusOr<std::vector<PlacedAgent>> All() override;

 private:
  struct Noted {
    std::string way;
    absl::Time tried;
    bool stored = false;
  };

  Store& store_;
  std::map<std::string, Noted> noted_;  // In this life, by place.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_STORED_PLACES_H_
