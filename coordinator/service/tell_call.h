#ifndef IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
#define IRIS_COORDINATOR_SERVICE_TELL_CALL_H_

#include "common/budget/byte_budget.h"
#include "common/rpc/server_stream.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/service/tell_replies.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One Tell stream: collects the text, submits the tell, sends what becomes of it.
//
//   reading the text ── last ──▶ following, as TellReplies has it
class TellCall final : public TellReplies<ServerStream<v1::TellRequest, v1::TellUpdate>> {
 public:
  explicit TellCall(const ServiceParts& parts) : TellReplies(parts), reading_(parts.budget) {}

 private:
  ~TellCall() override = default;

  void OnBegin() override;
  void OnRead(v1::TellRequest& frame) override;
  void OnNoMore() override;

  void Submit();

  bool first_frame_ = true;
  TellSpec spec_;
  ByteBudget::Holder reading_;  // Its text, until all of it is here.
  bool confirms_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
