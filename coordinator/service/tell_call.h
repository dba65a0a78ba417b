#ifndef IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
#define IRIS_COORDINATOR_SERVICE_TELL_CALL_H_

#include "absl/types/optional.h"
#include "common/budget/byte_budget.h"
#include "common/rpc/server_stream.h"
#include "coordinator/desk/answer_text.h"
#include "coordinator/desk/tell_updates.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/service/coordinator_service.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One Tell stream: collects the text, submits the tell, sends what becomes of it. No write is under
// way when the call is finished.
//
//   reading the text ── last ──▶ following ── settled and written, or client gone ──▶ finished
class TellCall final : public ServerStream<v1::TellRequest, v1::TellUpdate> {
 public:
  explicit TellCall(const ServiceParts& parts);

 private:
  ~TellCall() override;

  void OnBegin() override;
  void OnRead(v1::TellRequest& frame) override;
  void OnNoMore() override;
  void OnWritten(bool ok) override;
  void OnGone() override;

  void Submit();
  void WriteNext();

  const ServiceParts& parts_;
  bool first_frame_ = true;
  TellSpec spec_;
  ByteBudget::Holder reading_;  // Its text, until all of it is here.
  bool detach_ = false;
  bool confirms_ = false;
  bool following_ = false;

  AnswerText answer_text_;
  absl::optional<TellUpdates> updates_;  // From Submit() on.
  bool client_gone_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
