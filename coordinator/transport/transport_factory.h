#ifndef IRIS_COORDINATOR_TRANSPORT_TRANSPORT_FACTORY_H_
#define IRIS_COORDINATOR_TRANSPORT_TRANSPORT_FACTORY_H_

#include <memory>
#include <string>

#include "coordinator/config/config.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/transport.h"

namespace iris {

// Names one session for a transport.
struct SessionKey {
  std::string session_id;  // UUID; claude's session id.
  std::string from;        // Caller's team.
  std::string to;          // The team that answers.
};

// Chooses the transport from the team's configuration. Lives on the coordinator's loop.
class TransportFactory {
 public:
  virtual ~TransportFactory() = default;

  // `team` and `sink` outlive the transport. `after`: what an earlier transport of the session has
  // said last; events after it are not lost. Its `host` is stored. Starts nothing.
  virtual std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key,
                                          const ReadMark& after, TransportSink& sink) = 0;
  // The same for a session on whose host no agent can run: a transport that does without. Null:
  // nothing leads there without one.
  virtual std::unique_ptr<Transport> MakeWithoutAgent(const Team&, const SessionKey&,
                                                      const ReadMark&, TransportSink&) {
    return nullptr;
  }
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TRANSPORT_FACTORY_H_
