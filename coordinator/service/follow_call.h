#ifndef IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_
#define IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/service/tell_updates.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One FollowTell stream. As TellCall: gRPC's callbacks only post, at most one write is under way,
// and none when the call is finished. Destroyed on the loop, after gRPC's last callback.
//
//   following ── settled and written, all that is known written (`no_wait`), or client gone ──▶
//   finished
class FollowCall final : public grpc::ServerWriteReactor<v1::TellUpdate> {
 public:
  FollowCall(CoordinatorService& service, const v1::FollowTellRequest& request);

 private:
  ~FollowCall() override;
  friend std::default_delete<FollowCall>;

  // gRPC's threads.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The loop.
  void Begin();
  void WriteNext();
  void End(const absl::Status& status);

  CoordinatorService& service_;
  EventLoop& loop_;  // Of the service; named here because gRPC's threads use it.
  const v1::FollowTellRequest request_;
  bool following_ = false;
  TellUpdates updates_;
  v1::TellUpdate update_;  // The write under way.
  bool writing_ = false;
  bool client_gone_ = false;
  bool finished_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_FOLLOW_CALL_H_
