#ifndef IRIS_COMMON_RPC_SERVER_STREAM_H_
#define IRIS_COMMON_RPC_SERVER_STREAM_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "common/log/check.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_failure.h"
#include "grpcpp/support/server_callback.h"

namespace iris {

// The server's end of one call that answers with many messages, all of whose work is done on a
// loop: gRPC's callbacks only post to it.
//
//   begun ── Finish() ──▶ finished ── gRPC's last callback ──▶ destroyed, on the loop
//
// gRPC frees a call that is finished, on a thread of its own; whoever starts a read or a write
// there afterwards works in freed memory. So this class alone knows gRPC's reactor and whether it
// is finished: what derives from it cannot reach the reactor, and its Read(), Write() and Finish()
// do nothing from then on. Nor is any handler called again.
//
// `GrpcReactor`: grpc::ServerWriteReactor, or ServerBidiReactor by way of ServerStream below. Lives
// on the loop.
template <typename GrpcReactor, typename Response>
class ServerReplies : private GrpcReactor {
 public:
  // A call that owns itself until gRPC is done with it: for gRPC's method to return. On any thread.
  template <typename Call, typename... Args>
  static GrpcReactor* Serve(Args&&... args) {
    ServerReplies* const call = new Call(std::forward<Args>(args)...);
    call->loop_.Post([call] { call->OnBegin(); });
    return call;
  }

 protected:
  explicit ServerReplies(EventLoop& loop) : loop_(loop) {}
  ~ServerReplies() override = default;

  // First.
  virtual void OnBegin() = 0;
  // The message was taken by gRPC; `ok` false: the client is gone, and no other gets there.
  virtual void OnWritten(bool ok) = 0;
  // The client has cancelled the call, or is gone. The call still has to be finished.
  virtual void OnGone() {}

  // One at a time: not before OnWritten() of the last.
  void Write(Response response) {
    if (finished_) return;
    Check(!std::exchange(writing_, true), "a call writes two messages at a time");
    response_ = std::move(response);
    this->StartWrite(&response_);
  }
  // What is being written still gets out. Only the first one counts.
  void Finish(const absl::Status& status) {
    if (!std::exchange(finished_, true)) GrpcReactor::Finish(ToGrpcStatus(status));
  }
  bool writing() const { return writing_; }
  bool finished() const { return finished_; }

 private:
  template <typename Request, typename>
  friend class ServerStream;

  void OnWriteDone(bool ok) final {
    loop_.Post([this, ok] {
      writing_ = false;
      if (!finished_) OnWritten(ok);
    });
  }
  void OnCancel() final {
    loop_.Post([this] {
      if (!finished_) OnGone();
    });
  }
  // After all others, so that every task that was posted before still finds this.
  void OnDone() final {
    loop_.Post([this] { delete this; });
  }

  EventLoop& loop_;
  Response response_;  // The write under way.
  bool writing_ = false;
  bool finished_ = false;
};

// The same for a call whose client streams too.
template <typename Request, typename Response>
class ServerStream : public ServerReplies<grpc::ServerBidiReactor<Request, Response>, Response> {
  using GrpcReactor = grpc::ServerBidiReactor<Request, Response>;
  using Replies = ServerReplies<GrpcReactor, Response>;

 protected:
  explicit ServerStream(EventLoop& loop) : Replies(loop) {}

  // What Read() asked for; stays as it is until the next Read().
  virtual void OnRead(Request& request) = 0;
  // The client sends no more: it has half-closed the call, or is gone.
  virtual void OnNoMore() = 0;
  // Before OnRead(), on gRPC's thread: for work on a message that would hold up the loop.
  virtual void Prepare(const Request& request) {}

  // The client's next message. One at a time.
  void Read() {
    if (this->finished_ || no_more_) return;
    Check(!std::exchange(reading_, true), "a call reads two messages at a time");
    static_cast<GrpcReactor*>(this)->StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) final {
    if (ok) Prepare(request_);
    this->loop_.Post([this, ok] {
      reading_ = false;
      no_more_ = !ok;
      if (this->finished_) return;
      ok ? OnRead(request_) : OnNoMore();
    });
  }

  Request request_;  // The read under way, or what it brought.
  bool reading_ = false;
  bool no_more_ = false;
};

}  // namespace iris

#endif  // IRIS_COMMON_RPC_SERVER_STREAM_H_
