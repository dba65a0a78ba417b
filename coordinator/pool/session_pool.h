#ifndef IRIS_COORDINATOR_POOL_SESSION_POOL_H_
#define IRIS_COORDINATOR_POOL_SESSION_POOL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/config/config.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/store/store.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The sessions that this life of the coordinator has used, one for every pair of caller and team.
// Lives on the coordinator's loop.
class SessionPool {
 public:
  // All three outlive the pool.
  SessionPool(Store& store, TransportFactory& factory, SessionListener& listener)
      : store_(store), factory_(factory), listener_(listener) {}

  // The session of `from` with `team`; the first use makes it, in the store too. Connects to
  // nothing. Where the team's settings have changed since and the session is idle, its transport is
  // made again with the new ones; a busy one keeps the old ones until then. Not to be called from a
  // listener. The pointer stands until the next call for the same pair. FAILURE_STORAGE.
  absl::StatusOr<PooledSession*> GetOrCreate(const std::string& from, const Team& team);

  // Every session in the store, with what is known of those in the pool. FAILURE_STORAGE.
  absl::StatusOr<std::vector<v1::SessionStatus>> Status() const;

 private:
  Store& store_;
  TransportFactory& factory_;
  SessionListener& listener_;
  std::map<std::string, std::unique_ptr<PooledSession>> by_id_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_SESSION_POOL_H_
