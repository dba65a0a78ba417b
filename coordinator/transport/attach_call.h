#ifndef IRIS_COORDINATOR_TRANSPORT_ATTACH_CALL_H_
#define IRIS_COORDINATOR_TRANSPORT_ATTACH_CALL_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/agent_channel.h"
#include "coordinator/link/credit_shares.h"
#include "coordinator/link/link.h"
#include "coordinator/link/send_window.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/turn_reader.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Hears from an attached session. On the loop.
class AttachSink {
 public:
  virtual ~AttachSink() = default;
  // `point`: where the reader is after this news.
  virtual void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes,
                      const ReadPoint& point) = 0;
  // Whether more may come. If not, `on_room` is called once, later, when it is worth asking again.
  virtual bool MayTakeMore(std::function<void()> on_room) = 0;
  // The stream is over; last.
  virtual void OnDetached(const absl::Status& why) = 0;
};

// One Attach stream as a client. Reads and parses on the channel's threads, so that a huge line
// holds up nobody else; says on the loop what came, and gives credit back as the loop takes the
// news and the sink has room. A host that sends more than it was allowed to is not heard any
// further. Both ways the link says how much may be on its way; small words overtake the frames of a
// long tell.
class AttachCall final : public AttachFrames::Sink,
                         public std::enable_shared_from_this<AttachCall>,
                         private SendWindow::Sender {
 public:
  // An agent may send so much more than its credit: no event is cut for it. As much may wait here
  // of what credit does not count.
  static constexpr int64_t kBeyondCreditMax = 1 << 20;

  struct Session {
    std::string id;
    uint64_t epoch = 0;
    ReadPoint after;  // Without a journal: all that is kept there.
  };

  // `sink` must stay until OnDetached or Cancel().
  static std::shared_ptr<AttachCall> Start(EventLoop& loop, std::shared_ptr<LinkLife> life,
                                           const Session& session, AttachSink& sink);

  // Queues a tell, in frames. `repeat`: the agent may have it already. `begun`: as TellFrame has
  // it. On the loop.
  void SendTell(const std::string& tell_id, absl::string_view text, bool repeat, bool begun);
  // Everything up to `mark` is stored. On the loop.
  void Acknowledge(const ReadMark& mark);
  // The sink is not called any more. On the loop.
  void Cancel();

 private:
  AttachCall(EventLoop& loop, std::shared_ptr<LinkLife> life, const ReadPoint& after,
             AttachSink& sink)
      : loop_(loop), life_(std::move(life)), sink_(&sink), reader_(after) {}

  void OnFrame(v1::AttachResponse& frame) override;
  void OnSent(const v1::AttachRequest& frame) override;
  void OnEnded(const absl::Status& why) override;

  void OnRoom() override { SendFrames(); }

  // What was read came to `news`; its events count for `wire_bytes`, and `rest` bytes for nothing.
  void Deliver(std::vector<SessionNews> news, uint64_t wire_bytes, int64_t rest);
  // Whether the peer had no right to send `frame`.
  bool IsBeyondCredit(const v1::AttachResponse& frame, uint64_t wire_bytes, int64_t rest);
  void GiveCredit(uint64_t bytes);
  void SendCredit();
  void SendFrames();
  void OnFrameWritten(uint64_t bytes);
  // Its part of the link is free for others.
  void LeaveLink();

  EventLoop& loop_;
  const std::shared_ptr<LinkLife> life_;
  std::shared_ptr<AttachFrames> stream_;
  // For the loop alone.
  AttachSink* sink_;                      // Null: cancelled, or over.
  CreditShares::Share credit_;            // While there is a sink.
  uint64_t unsent_credit_ = 0;            // Until the sink has room.
  std::deque<v1::AttachRequest> frames_;  // Of tells, to be sent one after the other.
  bool frame_in_writing_ = false;

  // For OnFrame() alone, which comes one at a time.
  TurnReader reader_;
  bool answered_ = false;   // Its first answer came.
  bool in_breach_ = false;  // More came than it was allowed to send.

  std::atomic<int64_t> allowed_ = 0;    // What the peer may still send.
  std::atomic<int64_t> uncounted_ = 0;  // What came beside that, and waits for the loop.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_ATTACH_CALL_H_
