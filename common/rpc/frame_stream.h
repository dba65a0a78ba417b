#ifndef IRIS_COMMON_RPC_FRAME_STREAM_H_
#define IRIS_COMMON_RPC_FRAME_STREAM_H_

#include <memory>

#include "absl/status/status.h"

namespace iris {

// A caller's end of a call in which both sides send frames until it ends, whatever carries it.
template <typename Sent, typename Came>
class FrameStream {
 public:
  // Hears of the stream, on threads of whatever carries it and never from inside a call to it.
  class Sink {
   public:
    virtual ~Sink() = default;
    // A frame came; it may be moved away. One at a time: the next one waits for this to return.
    virtual void OnFrame(Came& frame) = 0;
    // This frame has left the process; the next may be sent. May come beside OnFrame().
    virtual void OnSent(const Sent& frame) = 0;
    // The call is over, and this is the last that is heard of it. OK: the other side ended it and
    // named no failure; else as FromHost() (coordinator/link) has it.
    virtual void OnEnded(const absl::Status& why) = 0;
  };

  virtual ~FrameStream() = default;
  // Makes the call, with its first frame. Once, before all others.
  virtual void Start(Sent first) = 0;
  // Frames leave one by one, in this order; OnSent() says when. Nothing happens once it is over.
  virtual void Send(Sent frame) = 0;
  // Ends the call from here. Frames that had come by then may still be heard. Thread-safe.
  virtual void Cancel() = 0;
};

}  // namespace iris

#endif  // IRIS_COMMON_RPC_FRAME_STREAM_H_
