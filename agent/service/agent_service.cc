#include "agent/service/agent_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/service/attach_stream.h"
#include "agent/service/streams.h"
#include "common/budget/byte_budget.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/rpc/server_reply.h"
#include "common/rpc/server_stream.h"

namespace iris {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// Proof of life of the process loop, not only of gRPC's threads: the echo goes through the loop.
class ProbeStream final : public ServerStream<v1::ProbeRequest, v1::ProbeResponse>,
                          private OpenStreams::Stream {
 public:
  ProbeStream(EventLoop& loop, OpenStreams& streams) : ServerStream(loop), streams_(streams) {}

 private:
  ~ProbeStream() override { streams_.Remove(this); }

  void OnBegin() override {
    streams_.Add(this);
    Read();
  }
  void OnRead(v1::ProbeRequest& request) override {
    v1::ProbeResponse response;
    response.set_nonce(request.nonce());
    Write(std::move(response));
  }
  void OnNoMore() override { Finish(absl::OkStatus()); }
  void OnWritten(bool ok) override { ok ? Read() : Finish(absl::OkStatus()); }
  void End() override { Finish(MakeFailure(v1::FAILURE_DROPPED, "the agent is leaving")); }

  OpenStreams& streams_;
};

class GrpcAgentService final : public AgentService, private v1::Agent::CallbackService {
 public:
  GrpcAgentService(EventLoop& loop, SessionTable& sessions, Hooks hooks)
      : loop_(loop), sessions_(sessions), hooks_(std::move(hooks)), budget_(loop) {}

  v1::Agent::CallbackService& grpc_service() override { return *this; }
  size_t open_streams() const override { return streams_.count(); }
  void EndStreams() override { streams_.EndAll(); }

 private:
  ServerUnaryReactor* Acquire(CallbackServerContext* context, const v1::AcquireRequest* request,
                              v1::AcquireResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      const absl::StatusOr<uint64_t> epoch = sessions_.Acquire(*request);
      if (!epoch.ok()) return reply.Give(epoch.status());
      v1::AcquireResponse acquired;
      acquired.set_epoch(*epoch);
      reply.Give(std::move(acquired));
    });
  }

  ServerUnaryReactor* Open(CallbackServerContext* context, const v1::OpenRequest* request,
                           v1::OpenResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      const absl::StatusOr<Session*> session = SessionOf(*request);
      if (!session.ok()) return reply.Give(session.status());
      if (request->renew()) {
        const absl::Status renewed = (*session)->Renew(request->spec());
        return renewed.ok() ? reply.Give(v1::OpenResponse()) : reply.Give(renewed);
      }
      (*session)->Open(
          request->spec(),
          [reply](const absl::StatusOr<v1::OpenResponse>& opened) { reply.Give(opened); },
          request->takeover());
    });
  }

  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(
      CallbackServerContext*) override {
    return AttachStream::Serve<AttachStream>(loop_, sessions_, streams_, budget_);
  }

  grpc::ServerBidiReactor<v1::ProbeRequest, v1::ProbeResponse>* Probe(
      CallbackServerContext*) override {
    return ProbeStream::Serve<ProbeStream>(loop_, streams_);
  }

  ServerUnaryReactor* CancelTell(CallbackServerContext* context,
                                 const v1::CancelTellRequest* request,
                                 v1::CancelTellResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      const absl::StatusOr<Session*> session = SessionOf(*request);
      if (!session.ok()) return reply.Give(session.status());
      (*session)->CancelTell(request->tell_id(),
                             [reply](const absl::StatusOr<v1::TellState::Phase>& phase_before) {
                               if (!phase_before.ok()) return reply.Give(phase_before.status());
                               v1::CancelTellResponse cancelled;
                               cancelled.set_phase_before(*phase_before);
                               reply.Give(std::move(cancelled));
                             });
    });
  }

  ServerUnaryReactor* AnswerRequest(CallbackServerContext* context,
                                    const v1::AnswerRequestRequest* request,
                                    v1::AnswerRequestResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      const absl::StatusOr<Session*> session = SessionOf(*request);
      if (!session.ok()) return reply.Give(session.status());
      reply.Give((*session)->AnswerRequest(request->request_id(), request->json()));
    });
  }

  ServerUnaryReactor* Close(CallbackServerContext* context, const v1::CloseRequest* request,
                            v1::CloseResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      const absl::StatusOr<Session*> session = SessionOf(*request);
      if (!session.ok()) return reply.Give(session.status());
      (*session)->Close(absl::Milliseconds(request->grace_ms()), [reply](bool was_running) {
        v1::CloseResponse closed;
        closed.set_was_running(was_running);
        reply.Give(std::move(closed));
      });
    });
  }

  ServerUnaryReactor* List(CallbackServerContext* context, const v1::ListRequest*,
                           v1::ListResponse* response) override {
    return ReplyOnLoop(loop_, context, response,
                       [this](auto reply) { reply.Give(sessions_.List()); });
  }

  ServerUnaryReactor* GetHost(CallbackServerContext* context, const v1::GetHostRequest*,
                              v1::GetHostResponse* response) override {
    return ReplyOnLoop(loop_, context, response,
                       [this](auto reply) { reply.Give(hooks_.get_host()); });
  }

  ServerUnaryReactor* Shutdown(CallbackServerContext* context, const v1::ShutdownRequest* request,
                               v1::ShutdownResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      if (request->only_if_idle() && !sessions_.idle()) {
        return reply.Give(MakeFailure(v1::FAILURE_BUSY_LIMIT, "the agent has sessions that run"));
      }
      const SessionTable::OthersTells others = sessions_.TellsOfOthers(request->coordinator_id());
      const bool may_end_all = request->force() || request->coordinator_id().empty();
      if (others.count > 0 && !may_end_all) {
        return sessions_.CloseOf(request->coordinator_id(), [reply, others](size_t) {
          reply.Give(MakeFailure(
              v1::FAILURE_PERMISSION_DENIED,
              absl::StrCat("the agent goes on, since other coordinators have messages open on it: ",
                           others.whose),
              kFixStopForce));
        });
      }
      sessions_.CloseAll([this, reply, others](size_t ended) {
        v1::ShutdownResponse shut_down;
        shut_down.set_sessions_ended(static_cast<uint32_t>(ended));
        shut_down.set_tells_of_others(static_cast<uint32_t>(others.count));
        reply.Give(std::move(shut_down));
        loop_.Post([this] { hooks_.on_shutdown(); });
      });
    });
  }

  ServerUnaryReactor* Upgrade(CallbackServerContext* context, const v1::UpgradeRequest* request,
                              v1::UpgradeResponse* response) override {
    return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
      if (!hooks_.on_upgrade) {
        return reply.Give(
            MakeFailure(v1::FAILURE_VERSION, "this agent takes no other build's place"));
      }
      hooks_.on_upgrade(request->program(), [reply](const absl::Status& outcome) {
        outcome.ok() ? reply.Give(v1::UpgradeResponse()) : reply.Give(outcome);
      });
    });
  }

  // Of a request that names a session and shows its lease.
  template <typename Request>
  absl::StatusOr<Session*> SessionOf(const Request& request) {
    return sessions_.Find(request.session_id(), request.epoch());
  }

  EventLoop& loop_;
  SessionTable& sessions_;
  const Hooks hooks_;
  OpenStreams streams_;
  ByteBudget budget_;
};

}  // namespace

std::unique_ptr<AgentService> AgentService::Make(EventLoop& loop, SessionTable& sessions,
                                                 Hooks hooks) {
  return std::make_unique<GrpcAgentService>(loop, sessions, std::move(hooks));
}

}  // namespace iris
