#ifndef IRIS_AGENT_SERVICE_ATTACH_STREAM_H_
#define IRIS_AGENT_SERVICE_ATTACH_STREAM_H_

#include <cstdint>
#include <string>

#include "agent/service/agent_service.h"
#include "agent/service/streams.h"
#include "agent/session/session.h"
#include "agent/session/session_table.h"
#include "common/budget/byte_budget.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Serves one Attach call. Sends the session's events as far as the reader's credit goes, and takes
// its tells.
class AttachStream final : public AgentService::AttachServed::Handler,
                           private SessionReader,
                           private OpenStreams::Stream {
 public:
  static constexpr size_t kBatchBytesMax = 256 << 10;

  // `budget`: of the tells that are being put together.
  AttachStream(AgentService::AttachServed& stream, SessionTable& sessions, OpenStreams& streams,
               ByteBudget& budget)
      : stream_(stream), sessions_(sessions), streams_(streams), memory_(budget) {}
  ~AttachStream() override;

 private:
  void OnBegin() override;
  void OnFrame(v1::AttachRequest& request) override;
  void OnNoMore() override { stream_.End(absl::OkStatus()); }  // The reader has gone, or is done.
  void OnSent(bool ok) override;
  void OnNewEvents() override { SendMore(); }
  uint64_t epoch() const override { return epoch_; }
  uint64_t sent_seq() const override { return sent_seq_; }
  void End() override;

  void ReadOn();
  absl::Status Take(v1::AttachRequest& request);
  absl::Status OnStart(const v1::AttachStart& start);
  absl::Status OnAck(const v1::Position& position);
  absl::Status OnTell(v1::TellFrame& frame);
  void SendMore();
  // The same, other than for new events.
  void SendOn();

  AgentService::AttachServed& stream_;
  SessionTable& sessions_;
  OpenStreams& streams_;
  Session* session_ = nullptr;  // Set by the first message.
  uint64_t epoch_ = 0;
  uint64_t sent_seq_ = 0;
  int64_t credit_ = 0;   // May dip below 0 by one batch's overhead.
  std::string tell_id_;  // Being put together.
  std::string tell_text_;
  bool tell_repeat_ = false;
  bool tell_begun_ = false;
  ByteBudget::Holder memory_;  // Its text.
};

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_ATTACH_STREAM_H_
