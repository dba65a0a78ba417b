#ifndef IRIS_COORDINATOR_LINK_TESTING_FAKE_CHANNEL_H_
#define IRIS_COORDINATOR_LINK_TESTING_FAKE_CHANNEL_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/link/agent_channel.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// A question that a test answers.
template <typename Request, typename Response>
struct FakeCall final : public AgentCall {
  FakeCall(const Request& request, absl::Duration within, AgentChannel::Done<Response> done)
      : request(request), within(within), done(std::move(done)) {}

  void Cancel() override {
    cancelled = true;
    done = nullptr;
  }
  // Once; nothing where it was cancelled.
  void Answer(absl::StatusOr<Response> answer) {
    const AgentChannel::Done<Response> then = std::exchange(done, nullptr);
    if (then != nullptr) then(std::move(answer));
  }

  const Request request;
  const absl::Duration within;
  AgentChannel::Done<Response> done;
  bool cancelled = false;
};

// A stream whose other end is a test.
template <typename Sent, typename Came>
struct FakeStream final : public FrameStream<Sent, Came> {
  using Sink = typename FrameStream<Sent, Came>::Sink;

  explicit FakeStream(std::shared_ptr<Sink> sink) : sink(std::move(sink)) {}

  void Start(Sent first) override { Send(std::move(first)); }
  void Send(Sent frame) override { sent.push_back(std::move(frame)); }
  void Cancel() override { cancelled = true; }

  // The frame that was sent first of those that have not left yet leaves.
  void Leave() { sink->OnSent(sent.at(left++)); }
  void Say(Came frame) { sink->OnFrame(frame); }
  void End(const absl::Status& why) { std::exchange(sink, nullptr)->OnEnded(why); }

  std::shared_ptr<Sink> sink;
  std::vector<Sent> sent;
  size_t left = 0;
  bool cancelled = false;
};

// An agent for the tests of who asks it, without a wire: keeps what it was asked last, and the test
// says what comes. On one thread.
class FakeChannel final : public AgentChannel {
 public:
  template <typename Request, typename Response>
  using Asked = std::shared_ptr<FakeCall<Request, Response>>;
  using AttachStream = FakeStream<v1::AttachRequest, v1::AttachResponse>;
  using ProbeStream = FakeStream<v1::ProbeRequest, v1::ProbeResponse>;

  Call Acquire(const v1::AcquireRequest& request, absl::Duration within,
               Done<v1::AcquireResponse> done) override {
    return Keep(acquire, request, within, std::move(done));
  }
  Call Open(const v1::OpenRequest& request, absl::Duration within,
            Done<v1::OpenResponse> done) override {
    return Keep(open, request, within, std::move(done));
  }
  Call CancelTell(const v1::CancelTellRequest& request, absl::Duration within,
                  Done<v1::CancelTellResponse> done) override {
    return Keep(cancel_tell, request, within, std::move(done));
  }
  Call AnswerRequest(const v1::AnswerRequestRequest& request, absl::Duration within,
                     Done<v1::AnswerRequestResponse> done) override {
    return Keep(answer_request, request, within, std::move(done));
  }
  Call Close(const v1::CloseRequest& request, absl::Duration within,
             Done<v1::CloseResponse> done) override {
    return Keep(close, request, within, std::move(done));
  }
  Call List(const v1::ListRequest& request, absl::Duration within,
            Done<v1::ListResponse> done) override {
    return Keep(list, request, within, std::move(done));
  }
  Call GetHost(const v1::GetHostRequest& request, absl::Duration within,
               Done<v1::GetHostResponse> done) override {
    return Keep(get_host, request, within, std::move(done));
  }
  Call Shutdown(const v1::ShutdownRequest& request, absl::Duration within,
                Done<v1::ShutdownResponse> done) override {
    return Keep(shutdown, request, within, std::move(done));
  }
  std::shared_ptr<AttachFrames> Attach(std::shared_ptr<AttachFrames::Sink> sink) override {
    attach = std::make_shared<AttachStream>(std::move(sink));
    return attach;
  }
  std::shared_ptr<ProbeFrames> Probe(std::shared_ptr<ProbeFrames::Sink> sink) override {
    probe = std::make_shared<ProbeStream>(std::move(sink));
    return probe;
  }

  // The last of each; null: none was asked.
  Asked<v1::AcquireRequest, v1::AcquireResponse> acquire;
  Asked<v1::OpenRequest, v1::OpenResponse> open;
  Asked<v1::CancelTellRequest, v1::CancelTellResponse> cancel_tell;
  Asked<v1::AnswerRequestRequest, v1::AnswerRequestResponse> answer_request;
  Asked<v1::CloseRequest, v1::CloseResponse> close;
  Asked<v1::ListRequest, v1::ListResponse> list;
  Asked<v1::GetHostRequest, v1::GetHostResponse> get_host;
  Asked<v1::ShutdownRequest, v1::ShutdownResponse> shutdown;
  std::shared_ptr<AttachStream> attach;
  std::shared_ptr<ProbeStream> probe;

 private:
  template <typename Request, typename Response>
  Call Keep(Asked<Request, Response>& asked, const Request& request, absl::Duration within,
            Done<Response> done) {
    asked = std::make_shared<FakeCall<Request, Response>>(request, within, std::move(done));
    return asked;
  }
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TESTING_FAKE_CHANNEL_H_
