#ifndef IRIS_COORDINATOR_POOL_SESSION_LISTENER_H_
#define IRIS_COORDINATOR_POOL_SESSION_LISTENER_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/read_mark.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Told what happens to the sessions in the pool and to their tells. On the coordinator's loop,
// never from inside a call to the session; not to destroy the session.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  virtual void OnSessionProgress(const std::string& session_id,
                                 const TransportProgress& progress) = 0;
  // As TransportSink::OnReady() and OnDown().
  virtual void OnSessionReady(const std::string& session_id) = 0;
  virtual void OnSessionDown(const std::string& session_id, const absl::Status& why) = 0;
  // There is room for the child of a session that SessionPool::Admit() put into the line. To be
  // used before this returns, by Tell() or Wake(); else the next in line gets it.
  virtual void OnRoom(const std::string& session_id) = 0;
  // As TransportSink::OnReadUpTo(); PooledSession::Acknowledge() is the answer.
  virtual void OnSessionApplied(const std::string& session_id, const ReadMark& mark) = 0;
  // As TransportSink::OnText(), OnTextVoid(), OnStructured(), OnAccount() and OnSettled(). `asks`:
  // the team's claude has a person asked for permissions.
  virtual void OnTellText(const std::string& tell_id, absl::string_view text) = 0;
  virtual void OnTellTextVoid(const std::string& tell_id) = 0;
  virtual void OnTellStructured(const std::string& tell_id, size_t bytes) = 0;
  virtual void OnTellAccount(const std::string& tell_id, const v1::TurnAccount& account,
                             bool asks) = 0;
  virtual void OnTellSettled(const std::string& tell_id, const absl::Status& outcome) = 0;
  // As TransportSink::OnCancelHeard().
  virtual void OnCancelHeard(const std::string& tell_id) = 0;
  // As TransportSink::EndWhileAway() and MayGive(); both may come from inside.
  virtual absl::Status EndWhileAway(const std::string& tell_id, const HostAway& away) const = 0;
  virtual bool MayGive(const std::string& tell_id) = 0;
  // As TransportSink::OnHostAway() and OnHostBack().
  virtual void OnSessionAway(const std::string& session_id, const HostAway& away) = 0;
  virtual void OnSessionBack(const std::string& session_id) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_SESSION_LISTENER_H_
