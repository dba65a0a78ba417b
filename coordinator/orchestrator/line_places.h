#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LINE_PLACES_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LINE_PLACES_H_

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "coordinator/orchestrator/line_host_wait.h"
#include "coordinator/orchestrator/line_order.h"
#include "coordinator/orchestrator/line_settings.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/pool/session_pool.h"
#include "coordinator/store/store_queue.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Where those stand who wait in a session's line, and what the first of them waits for. Changes
// nothing of the line. Lives on the coordinator's loop.
class LinePlaces {
 public:
  struct Parts {
    StoreQueue& store;
    const SessionPool& pool;
    OpenTells& tells;
    const WaylessTells& wayless;
  };
  // All outlive this. `session_id`: the line's.
  LinePlaces(const Parts& parts, const std::string& session_id, const LineOrder& order,
             const LineSettings& settings, const LineHostWait& host)
      : parts_(parts), session_id_(session_id), order_(order), settings_(settings), host_(host) {}
  LinePlaces(const LinePlaces&) = delete;
  LinePlaces& operator=(const LinePlaces&) = delete;

  // So many of the session have another way, and a host may have them: they go before all others.
  size_t GivenElsewhere() const { return parts_.wayless.GivenOf(session_id_); }
  // Until when the first waits for a limit; InfinitePast: it does not.
  absl::Time NotBefore() const;

  // Says it to whoever follows them, who may do anything then.
  void Report() const;
  // To people who look at the session.
  void Describe(v1::SessionStatus& status) const;

 private:
  const Parts parts_;
  const std::string& session_id_;
  const LineOrder& order_;
  const LineSettings& settings_;
  const LineHostWait& host_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LINE_PLACES_H_
