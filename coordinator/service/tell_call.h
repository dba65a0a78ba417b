#ifndef IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
#define IRIS_COORDINATOR_SERVICE_TELL_CALL_H_

#include <cstddef>
#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/service/coordinator_service.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One Tell stream: collects the text, submits the tell, sends what becomes of it. gRPC's callbacks
// only post; everything happens on the loop, so nothing is locked. At most one write is under way,
// and no write is when the call is finished. Destroyed on the loop, after gRPC's last callback.
//
//   reading the text ── last ──▶ following ── settled and written, or client gone ──▶ finished
class TellCall final : public grpc::ServerBidiReactor<v1::TellRequest, v1::TellUpdate>,
                       private TellObserver {
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
  v1::TellUpdate AnswerFrame();
  v1::TellUpdate SettledUpdate() const;
  void Write(v1::TellUpdate update);
  void End(const absl::Status& status);

  void OnAccepted(const std::string& session_id) override;
  void OnProgress(const v1::TellProgress& progress) override;
  void OnSettled(const TellOutcome& outcome) override;

  CoordinatorService& service_;
  EventLoop& loop_;  // Of the service; named here because gRPC's threads use it.

  v1::TellRequest frame_;  // The read under way.
  bool first_frame_ = true;
  TellSpec spec_;
  bool detach_ = false;
  bool following_ = false;

  // What waits to be written: `accepted` and the newest progress; then the answer from answer_sent_
  // on, then `settled`.
  absl::optional<v1::TellUpdate> accepted_;
  absl::optional<v1::TellUpdate> progress_;
  absl::optional<TellOutcome> outcome_;
  size_t answer_sent_ = 0;
  bool settled_sent_ = false;

  v1::TellUpdate update_;  // The write under way.
  bool writing_ = false;
  bool client_gone_ = false;
  bool finished_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_TELL_CALL_H_
