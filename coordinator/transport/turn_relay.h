#ifndef IRIS_COORDINATOR_TRANSPORT_TURN_RELAY_H_
#define IRIS_COORDINATOR_TRANSPORT_TURN_RELAY_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "coordinator/transport/turn_progress.h"
#include "coordinator/transport/turn_reader.h"

namespace iris {

// Passes on to the sink what the turns of a session say, and how its tells end; remembers how far
// that has come. A turn is passed on from its beginning or not at all. Lives on the loop; a call
// may lead to the end of this, where a sink brings that about.
class TurnRelay {
 public:
  // `after`: what an earlier life of the coordinator has stored. `budget`: of what is kept in
  // memory until it is stored; null: there is none.
  TurnRelay(EventLoop& loop, PendingTells& tells, const SessionKey& key, const ReadMark& after,
            TransportSink& sink, ByteBudget* budget);

  // Of the kinds kWritten, kText, kVoid, kDoing and kSettled.
  void Apply(SessionNews& item);
  // All that came up to `point` was applied, from `host`. True: the mark is another one now.
  bool OnRead(const ReadPoint& point, const HostMark& host);
  // Nobody waits for what the line that has begun may say: it is read again from where it began.
  void ForgetHalfLine();
  const ReadPoint& point() const { return point_; }
  const ReadMark& mark() const { return point_.mark; }

  // The tell, which is under way, is over.
  void Settle(const std::string& tell_id, const absl::Status& outcome);
  // The same of those of `ids` that are still under way when it is their turn. False: a sink
  // destroyed this.
  bool SettleEach(const std::vector<std::string>& ids, const absl::Status& outcome);
  // The same of every one.
  bool SettleAll(const absl::Status& outcome);

  // As AttachSink has it.
  bool MayTakeMore(std::function<void()> on_room) {
    return !memory_.has_value() || memory_->MayTakeMore(std::move(on_room));
  }
  TurnProgress& progress() { return progress_; }

 private:
  bool IsHeard(const SessionNews& item);
  void OnWritten(const SessionNews& item);
  void OnSettled(SessionNews& item);
  void CountMemory();

  PendingTells& tells_;
  const SessionKey key_;
  TransportSink& sink_;
  TurnProgress progress_;
  ReadPoint point_;  // What was passed on.
  // The tell whose turn is read, and whose text was not passed on: nobody here waited for it, or
  // not from its beginning.
  std::string unheard_;
  size_t text_bytes_ = 0;                      // Of the tell in flight, passed on and not settled.
  absl::optional<ByteBudget::Holder> memory_;  // Those, and the line that has begun.
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TURN_RELAY_H_
