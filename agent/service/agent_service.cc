#include "agent/service/agent_service.h"

#include <utility>

#include "agent/service/attach_stream.h"
#include "agent/service/streams.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"

namespace iris {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

grpc::Status Outcome(const absl::Status& status) {
  return status.ok() ? grpc::Status::OK : ToGrpcStatus(status);
}

// Proof of life of the process loop, not only of gRPC's threads: the echo goes through the loop.
class ProbeStream final : public grpc::ServerBidiReactor<v1::ProbeRequest, v1::ProbeResponse>,
                          private OpenStreams::Stream {
 public:
  ProbeStream(EventLoop& loop, OpenStreams& streams) : loop_(loop), streams_(streams) {
    loop_.Post([this] { streams_.Add(this); });
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    loop_.Post([this, ok] {
      if (!ok) return FinishOnce(grpc::Status::OK);
      if (finished_) return;
      response_.set_nonce(request_.nonce());
      StartWrite(&response_);
    });
  }
  void OnWriteDone(bool ok) override {
    loop_.Post([this, ok] {
      if (!ok) return FinishOnce(grpc::Status::OK);
      if (!finished_) StartRead(&request_);
    });
  }
  void OnDone() override {
    loop_.Post([this] {
      streams_.Remove(this);
      delete this;
    });
  }
  void End() override {
    FinishOnce(ToGrpcStatus(MakeFailure(v1::FAILURE_DROPPED, "the agent is leaving")));
  }
  void FinishOnce(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  EventLoop& loop_;
  OpenStreams& streams_;
  v1::ProbeRequest request_;
  v1::ProbeResponse response_;
  bool finished_ = false;
};

class GrpcAgentService final : public AgentService, private v1::Agent::CallbackService {
 public:
  GrpcAgentService(EventLoop& loop, SessionTable& sessions, Hooks hooks)
      : loop_(loop), sessions_(sessions), hooks_(std::move(hooks)) {}

  v1::Agent::CallbackService& grpc_service() override { return *this; }
  size_t open_streams() const override { return streams_.count(); }
  void EndStreams() override { streams_.EndAll(); }

 private:
  ServerUnaryReactor* Acquire(CallbackServerContext* context, const v1::AcquireRequest* request,
                              v1::AcquireResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request, response] {
      const absl::StatusOr<uint64_t> epoch = sessions_.Acquire(*request);
      if (epoch.ok()) response->set_epoch(*epoch);
      reactor->Finish(Outcome(epoch.status()));
    });
    return reactor;
  }

  ServerUnaryReactor* Open(CallbackServerContext* context, const v1::OpenRequest* request,
                           v1::OpenResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request, response] {
      const absl::StatusOr<Session*> session =
          sessions_.Find(request->session_id(), request->epoch());
      if (!session.ok()) return reactor->Finish(Outcome(session.status()));
      (*session)->Open(
          request->spec(),
          [reactor, response](const absl::StatusOr<v1::OpenResponse>& opened) {
            if (opened.ok()) *response = *opened;
            reactor->Finish(Outcome(opened.status()));
          },
          request->takeover());
    });
    return reactor;
  }

  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(
      CallbackServerContext*) override {
    return new AttachStream(loop_, sessions_, streams_);
  }

  grpc::ServerBidiReactor<v1::ProbeRequest, v1::ProbeResponse>* Probe(
      CallbackServerContext*) override {
    return new ProbeStream(loop_, streams_);
  }

  ServerUnaryReactor* CancelTell(CallbackServerContext* context,
                                 const v1::CancelTellRequest* request,
                                 v1::CancelTellResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request, response] {
      const absl::StatusOr<Session*> session =
          sessions_.Find(request->session_id(), request->epoch());
      if (!session.ok()) return reactor->Finish(Outcome(session.status()));
      (*session)->CancelTell(
          request->tell_id(),
          [reactor, response](const absl::StatusOr<v1::TellState::Phase>& phase_before) {
            if (phase_before.ok()) response->set_phase_before(*phase_before);
            reactor->Finish(Outcome(phase_before.status()));
          });
    });
    return reactor;
  }

  ServerUnaryReactor* AnswerRequest(CallbackServerContext* context,
                                    const v1::AnswerRequestRequest* request,
                                    v1::AnswerRequestResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request, response] {
      const absl::StatusOr<Session*> session =
          sessions_.Find(request->session_id(), request->epoch());
      if (!session.ok()) return reactor->Finish(Outcome(session.status()));
      const absl::StatusOr<v1::AnswerRequestResponse> answered =
          (*session)->AnswerRequest(request->request_id(), request->json());
      if (answered.ok()) *response = *answered;
      reactor->Finish(Outcome(answered.status()));
    });
    return reactor;
  }

  ServerUnaryReactor* Close(CallbackServerContext* context, const v1::CloseRequest* request,
                            v1::CloseResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request, response] {
      const absl::StatusOr<Session*> session =
          sessions_.Find(request->session_id(), request->epoch());
      if (!session.ok()) return reactor->Finish(Outcome(session.status()));
      (*session)->Close(absl::Milliseconds(request->grace_ms()),
                        [reactor, response](bool was_running) {
                          response->set_was_running(was_running);
                          reactor->Finish(grpc::Status::OK);
                        });
    });
    return reactor;
  }

  ServerUnaryReactor* List(CallbackServerContext* context, const v1::ListRequest*,
                           v1::ListResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, response] {
      *response = sessions_.List();
      reactor->Finish(grpc::Status::OK);
    });
    return reactor;
  }

  ServerUnaryReactor* GetHost(CallbackServerContext* context, const v1::GetHostRequest*,
                              v1::GetHostResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, response] {
      *response = hooks_.get_host();
      reactor->Finish(grpc::Status::OK);
    });
    return reactor;
  }

  ServerUnaryReactor* Shutdown(CallbackServerContext* context, const v1::ShutdownRequest* request,
                               v1::ShutdownResponse* response) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request, response] {
      if (request->only_if_idle() && !sessions_.idle()) {
        return reactor->Finish(
            Outcome(MakeFailure(v1::FAILURE_BUSY_LIMIT, "the agent has sessions that run")));
      }
      sessions_.CloseAll([this, reactor, response](size_t ended) {
        response->set_sessions_ended(static_cast<uint32_t>(ended));
        reactor->Finish(grpc::Status::OK);
        loop_.Post([this] { hooks_.on_shutdown(); });
      });
    });
    return reactor;
  }

  ServerUnaryReactor* Upgrade(CallbackServerContext* context, const v1::UpgradeRequest* request,
                              v1::UpgradeResponse*) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    loop_.Post([this, reactor, request] {
      if (!hooks_.on_upgrade) return reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, ""});
      hooks_.on_upgrade(request->program(), [reactor](const absl::Status& outcome) {
        reactor->Finish(Outcome(outcome));
      });
    });
    return reactor;
  }

  EventLoop& loop_;
  SessionTable& sessions_;
  const Hooks hooks_;
  OpenStreams streams_;
};

}  // namespace

std::unique_ptr<AgentService> AgentService::Make(EventLoop& loop, SessionTable& sessions,
                                                 Hooks hooks) {
  return std::make_unique<GrpcAgentService>(loop, sessions, std::move(hooks));
}

}  // namespace iris
