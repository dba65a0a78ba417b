#ifndef IRIS_AGENT_SERVICE_SERVED_STREAM_H_
#define IRIS_AGENT_SERVICE_SERVED_STREAM_H_

#include "absl/status/status.h"

namespace iris {

// The agent's end of a call in which both sides send frames, whatever carries it.
//
//   open ── End() ──▶ ended ── nothing is on its way any more ──▶ the handler is destroyed
//
// Lives on the process loop.
template <typename Came, typename Sent>
class ServedStream {
 public:
  // Serves it. Called on the loop, never from inside a call to the stream, and not once it has
  // ended.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnBegin() = 0;  // First.
    // What Read() asked for; stays as it is until the next Read().
    virtual void OnFrame(Came& frame) = 0;
    // The caller sends no more, or is gone. The stream still has to be ended.
    virtual void OnNoMore() = 0;
    // What was sent last was taken; `ok` false: the caller is gone, and nothing else gets there.
    virtual void OnSent(bool ok) = 0;
  };

  virtual ~ServedStream() = default;
  // The caller's next frame. One at a time.
  virtual void Read() = 0;
  // While may_send(): one at a time. OnSent() follows.
  virtual void Send(Sent frame) = 0;
  virtual bool may_send() const = 0;
  // How it went, for the caller. What is being sent still gets out. Only the first one counts.
  virtual void End(const absl::Status& status) = 0;
  virtual bool ended() const = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_SERVED_STREAM_H_
