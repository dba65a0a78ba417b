#ifndef IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_
#define IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_

#include "common/rpc/server_stream.h"
#include "coordinator/desk/answer_text.h"
#include "coordinator/desk/tell_updates.h"
#include "coordinator/service/coordinator_service.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One FollowTell stream. As TellCall: no write is under way when the call is finished.
//
//   following ── settled and written, all that is known written (`no_wait`), or client gone ──▶
//   finished
class FollowCall final
    : public ServerReplies<grpc::ServerWriteReactor<v1::TellUpdate>, v1::TellUpdate> {
 public:
  FollowCall(const ServiceParts& parts, const v1::FollowTellRequest& request);

 private:
  ~FollowCall() override;

  void OnBegin() override;
  void OnWritten(bool ok) override;
  void OnGone() override;

  void WriteNext();

  const ServiceParts& parts_;
  v1::FollowTellRequest request_;
  bool beginning_ = false;  // Follow() is under way.
  bool following_ = false;
  AnswerText answer_text_;
  TellUpdates updates_;
  bool client_gone_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_
