#ifndef IRIS_COORDINATOR_POOL_SESSION_LISTENER_H_
#define IRIS_COORDINATOR_POOL_SESSION_LISTENER_H_

#include <string>

#include "coordinator/transport/transport.h"

namespace iris {

class PooledSession;

// Whoever uses the sessions of a pool. On the coordinator's loop.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  // The sink of a session that is being made: for as long as the session lives its transports
  // report there what happens to it and to its tells, and the sink passes on to the session what
  // that has to know (PooledSession::Note…()), first. Nothing is to be called on the session in
  // this. Not to destroy the session.
  virtual TransportSink& SinkFor(PooledSession& session) = 0;
  // There is room for the child of a session that SessionPool::Admit() put into the line. To be
  // used before this returns, by Tell() or Wake(); else the next in line gets it.
  virtual void OnRoom(const std::string& session_id) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_SESSION_LISTENER_H_
