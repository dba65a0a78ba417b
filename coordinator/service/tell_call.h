#ifndef IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
#define IRIS_COORDINATOR_SERVICE_TELL_CALL_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/service/tell_updates.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One Tell stream: collects the text, submits the tell, sends what becomes of it. gRPC's callbacks
// only post; everything happens on the loop, so nothing is locked. At most one write is under way,
// and no write is when the call is finished. Destroyed on the loop, after gRPC's last callback.
//
//   reading the text ── last ──▶ following ── settled and written, or client gone ──▶ finished
class TellCall final : public grpc::ServerBidiReactor<v1::TellRequest, v1::TellUpdate> {
 public:
  explicit TellCall(CoordinatorService& service);

 private:
  ~TellCall() override;
  friend std::default_delete<TellCall>;

  // gRPC's threads.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The loop.
  void Begin();
  void TakeFrame(bool ok);
  void Submit();
  void WriteNext();
  void End(const absl::Status& status);

  CoordinatorService& service_;
  EventLoop& loop_;  // Of the service; named here because gRPC's threads use it.

  v1::TellRequest frame_;  // The read under way.
  bool first_frame_ = true;
  TellSpec spec_;
  bool detach_ = false;
  bool following_ = false;

  absl::optional<TellUpdates> updates_;  // From Submit() on.
  v1::TellUpdate update_;                // The write under way.
  bool writing_ = false;
  bool client_gone_ = false;
  bool finished_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
