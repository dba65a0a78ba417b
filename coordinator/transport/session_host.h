#ifndef IRIS_COORDINATOR_TRANSPORT_SESSION_HOST_H_
#define IRIS_COORDINATOR_TRANSPORT_SESSION_HOST_H_

#include "absl/status/status.h"
#include "coordinator/transport/read_point.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The host that a session's messages are given to, over all lives of the coordinator. What was
// given to one is given to no other: it may have run there, or still run. So which host it is has
// to be stored before anything is. Not thread-safe.
class SessionHost {
 public:
  // `stored`: with the session's last mark.
  explicit SessionHost(const HostMark& stored) : host_(stored), is_stored_(!stored.key.empty()) {}

  const HostMark& mark() const { return host_; }
  // Whether messages may be sent to it.
  bool is_stored() const { return is_stored_; }

  // The link leads to the host that said `hello`. FAILURE_WRONG_HOST, for what was given to the one
  // before: that was another.
  absl::Status OnLinkUp(const v1::Hello& hello);
  // True: that is the host of now, and was not stored before.
  bool OnStored(const HostMark& host);

 private:
  HostMark host_;
  bool is_stored_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SESSION_HOST_H_
