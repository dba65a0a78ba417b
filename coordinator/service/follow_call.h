#ifndef IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_
#define IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_

#include "common/rpc/server_stream.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/service/tell_replies.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One FollowTell stream.
class FollowCall final
    : public TellReplies<ServerReplies<grpc::ServerWriteReactor<v1::TellUpdate>, v1::TellUpdate>> {
 public:
  FollowCall(const ServiceParts& parts, const v1::FollowTellRequest& request)
      : TellReplies(parts), request_(request) {}

 private:
  ~FollowCall() override = default;

  void OnBegin() override;

  v1::FollowTellRequest request_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_
