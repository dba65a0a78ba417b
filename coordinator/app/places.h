#ifndef IRIS_COORDINATOR_APP_PLACES_H_
#define IRIS_COORDINATOR_APP_PLACES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/lock_holder.h"
#include "coordinator/config/config.h"
#include "coordinator/config/config_source.h"

namespace iris {

// Where one coordinator keeps and finds its things. The daemon and its front ends find the same
// places in the same environment.
struct Places {
  std::string iris_home;  // $IRIS_HOME, absolute; empty = not set.
  std::string
      data_dir;       // iris_home, else ${XDG_DATA_HOME:-~/.local/share}/iris. May not exist yet.
  std::string store;  // data_dir/iris.db
  std::string lock;   // data_dir/coordinator.lock: see LockData().
  std::string log;    // data_dir/coordinator.log
  ConfigSource config;
  Endpoint endpoint;
};

// FAILURE_BAD_REQUEST: a variable is not an absolute path, IRIS_HOME is no directory and cannot be
// made one, no home directory is known, or it is not clear which configuration is meant.
// FAILURE_STORAGE: there is no place for the socket.
absl::StatusOr<Places> FindPlaces(const EnvLookup& env);
// The same for who needs no configuration: `config` is left empty, and nothing about it is wrong.
absl::StatusOr<Places> FindPlacesWithoutConfig(const EnvLookup& env);

// FAILURE_STORAGE: a coordinator of another host keeps `places.data_dir`; where, and what to do.
absl::Status KeptByAnotherHost(const Places& places, const LockHolder& holder);

// The environment of this process.
absl::optional<std::string> ProcessEnv(absl::string_view name);

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_PLACES_H_
