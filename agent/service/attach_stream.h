#ifndef IRIS_AGENT_SERVICE_ATTACH_STREAM_H_
#define IRIS_AGENT_SERVICE_ATTACH_STREAM_H_

#include <cstdint>
#include <string>

#include "agent/service/streams.h"
#include "agent/session/session.h"
#include "agent/session/session_table.h"
#include "common/loop/event_loop.h"
#include "grpcpp/support/server_callback.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// One Attach call. Sends the session's events as far as the reader's credit goes, and takes its
// tells.
//
// gRPC's callbacks only post to the process loop, where all else happens; the object deletes itself
// there after OnDone, which gRPC calls last, so that every task posted before still finds it.
class AttachStream final : public grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>,
                           private SessionReader,
                           private OpenStreams::Stream {
 public:
  static constexpr size_t kBatchBytesMax = 256 << 10;

  AttachStream(EventLoop& loop, SessionTable& sessions, OpenStreams& streams);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;
  void OnNewEvents() override { SendMore(); }
  void End() override;

  void OnRequest(bool ok);
  absl::Status OnStart(const v1::AttachStart& start);
  absl::Status OnAck(const v1::Position& position);
  absl::Status OnTell(v1::TellFrame& frame);
  void SendMore();
  void FinishOnce(const absl::Status& status);

  EventLoop& loop_;
  SessionTable& sessions_;
  OpenStreams& streams_;
  v1::AttachRequest request_;    // Being read, or handled.
  v1::AttachResponse response_;  // Being written.
  Session* session_ = nullptr;   // Set by the first message.
  uint64_t epoch_ = 0;
  uint64_t sent_seq_ = 0;
  int64_t credit_ = 0;  // May dip below 0 by one batch's overhead.
  bool writing_ = false;
  bool finished_ = false;
  std::string tell_id_;  // Being put together.
  std::string tell_text_;
  bool tell_repeat_ = false;
};

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_ATTACH_STREAM_H_
