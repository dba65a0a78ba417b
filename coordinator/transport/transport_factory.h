#ifndef IRIS_COORDINATOR_TRANSPORT_TRANSPORT_FACTORY_H_
#define IRIS_COORDINATOR_TRANSPORT_TRANSPORT_FACTORY_H_

#include <memory>
#include <string>

#include "coordinator/config/config.h"
#include "coordinator/transport/read_mark.h"
#include "coordinator/transport/transport.h"

namespace iris {

// Names one session for a transport.
struct SessionKey {
  std::string session_id;  // UUID; claude's session id.
  std::string from;        // Caller's team.
  std::string to;          // The team that answers.
  // The team's host answered not long ago, in this life of the coordinator or an earlier one: where
  // it is out of reach now, that is for a while.
  bool host_has_answered = false;
};

// Chooses the transport from the team's configuration. Lives on the coordinator's loop.
class TransportFactory {
 public:
  virtual ~TransportFactory() = default;

  // `team` and `sink` outlive the transport. `after`: what an earlier transport of the session has
  // said last; events after it are not lost. Starts nothing.
  virtual std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key,
                                          const ReadMark& after, TransportSink& sink) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TRANSPORT_FACTORY_H_
