#ifndef IRIS_COORDINATOR_LINK_AGENT_CHANNEL_H_
#define IRIS_COORDINATOR_LINK_AGENT_CHANNEL_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "common/rpc/frame_stream.h"
#include "coordinator/link/calls.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

using AttachFrames = FrameStream<v1::AttachRequest, v1::AttachResponse>;
using ProbeFrames = FrameStream<v1::ProbeRequest, v1::ProbeResponse>;

// A question to an agent that waits for its answer.
class AgentCall {
 public:
  virtual ~AgentCall() = default;
  // Whoever asked goes: `done` is not run, and the agent may hear that nobody waits.
  virtual void Cancel() = 0;
};

// What an agent can be asked over one wire, whatever carries it: gRPC (grpc_channel.h), or a wire
// in memory. A method for each of agent.proto's that a coordinator uses.
//
// A question is answered within `within`: `done` runs on the loop, once, never from inside, with
// the answer, or a failure as FromHost() (host_failure.h) has it. It goes on without its
// AgentCall. Lives on the coordinator's loop; what is under way outlives the channel.
class AgentChannel {
 public:
  template <typename Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;
  using Call = std::shared_ptr<AgentCall>;

  virtual ~AgentChannel() = default;

  // Of one session.
  virtual Call Acquire(const v1::AcquireRequest& request, absl::Duration within,
                       Done<v1::AcquireResponse> done) = 0;
  virtual Call Open(const v1::OpenRequest& request, absl::Duration within,
                    Done<v1::OpenResponse> done) = 0;
  virtual Call CancelTell(const v1::CancelTellRequest& request, absl::Duration within,
                          Done<v1::CancelTellResponse> done) = 0;
  virtual Call AnswerRequest(const v1::AnswerRequestRequest& request, absl::Duration within,
                             Done<v1::AnswerRequestResponse> done) = 0;
  virtual Call Close(const v1::CloseRequest& request, absl::Duration within,
                     Done<v1::CloseResponse> done) = 0;
  // Of the agent as a whole.
  virtual Call List(const v1::ListRequest& request, absl::Duration within,
                    Done<v1::ListResponse> done) = 0;
  virtual Call GetHost(const v1::GetHostRequest& request, absl::Duration within,
                       Done<v1::GetHostResponse> done) = 0;
  virtual Call Shutdown(const v1::ShutdownRequest& request, absl::Duration within,
                        Done<v1::ShutdownResponse> done) = 0;

  // Streams, which begin with FrameStream::Start(). A stream keeps its sink until it has ended.
  virtual std::shared_ptr<AttachFrames> Attach(std::shared_ptr<AttachFrames::Sink> sink) = 0;
  virtual std::shared_ptr<ProbeFrames> Probe(std::shared_ptr<ProbeFrames::Sink> sink) = 0;
};

// Makes the channel of a connection, once: each kind of wire has its own. On the loop, which
// outlives all `calls`.
using ChannelOpener =
    std::function<std::unique_ptr<AgentChannel>(EventLoop& loop, OutstandingCalls& calls)>;

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_AGENT_CHANNEL_H_
