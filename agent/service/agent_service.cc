#include "agent/service/agent_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/service/attach_stream.h"
#include "agent/service/streams.h"
#include "common/budget/byte_budget.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

using ProbeServed = AgentService::ProbeServed;

// Proof of life of the process loop, not only of what carries the calls: the echo goes through it.
class ProbeStream final : public ProbeServed::Handler, private OpenStreams::Stream {
 public:
  ProbeStream(ProbeServed& stream, OpenStreams& streams) : stream_(stream), streams_(streams) {}
  ~ProbeStream() override { streams_.Remove(this); }

 private:
  void OnBegin() override {
    streams_.Add(this);
    stream_.Read();
  }
  void OnFrame(v1::ProbeRequest& request) override {
    v1::ProbeResponse response;
    response.set_nonce(request.nonce());
    stream_.Send(std::move(response));
  }
  void OnNoMore() override { stream_.End(absl::OkStatus()); }
  void OnSent(bool ok) override { ok ? stream_.Read() : stream_.End(absl::OkStatus()); }
  void End() override { stream_.End(MakeFailure(v1::FAILURE_DROPPED, "the agent is leaving")); }

  ProbeServed& stream_;
  OpenStreams& streams_;
};

class SessionsService final : public AgentService {
 public:
  SessionsService(EventLoop& loop, SessionTable& sessions, Hooks hooks)
      : loop_(loop), sessions_(sessions), hooks_(std::move(hooks)), budget_(loop) {}

  size_t open_streams() const override { return streams_.count(); }
  void EndStreams() override { streams_.EndAll(); }

  void Acquire(const v1::AcquireRequest& request, Reply<v1::AcquireResponse> reply) override {
    const absl::StatusOr<uint64_t> epoch = sessions_.Acquire(request);
    if (!epoch.ok()) return reply(epoch.status());
    v1::AcquireResponse acquired;
    acquired.set_epoch(*epoch);
    reply(std::move(acquired));
  }

  void Open(const v1::OpenRequest& request, Reply<v1::OpenResponse> reply) override {
    const absl::StatusOr<Session*> session = SessionOf(request);
    if (!session.ok()) return reply(session.status());
    if (request.renew()) {
      const absl::Status renewed = (*session)->Renew(request.spec());
      return renewed.ok() ? reply(v1::OpenResponse()) : reply(renewed);
    }
    (*session)->Open(
        request.spec(), [reply](const absl::StatusOr<v1::OpenResponse>& opened) { reply(opened); },
        request.takeover());
  }

  std::unique_ptr<AttachServed::Handler> Attach(AttachServed& stream) override {
    return std::make_unique<AttachStream>(stream, sessions_, streams_, budget_);
  }

  std::unique_ptr<ProbeServed::Handler> Probe(ProbeServed& stream) override {
    return std::make_unique<ProbeStream>(stream, streams_);
  }

  void CancelTell(const v1::CancelTellRequest& request,
                  Reply<v1::CancelTellResponse> reply) override {
    const absl::StatusOr<Session*> session = SessionOf(request);
    if (!session.ok()) return reply(session.status());
    (*session)->CancelTell(request.tell_id(),
                           [reply](const absl::StatusOr<v1::TellState::Phase>& phase_before) {
                             if (!phase_before.ok()) return reply(phase_before.status());
                             v1::CancelTellResponse cancelled;
                             cancelled.set_phase_before(*phase_before);
                             reply(std::move(cancelled));
                           });
  }

  void AnswerRequest(const v1::AnswerRequestRequest& request,
                     Reply<v1::AnswerRequestResponse> reply) override {
    const absl::StatusOr<Session*> session = SessionOf(request);
    if (!session.ok()) return reply(session.status());
    reply((*session)->AnswerRequest(request.request_id(), request.json()));
  }

  void Close(const v1::CloseRequest& request, Reply<v1::CloseResponse> reply) override {
    const absl::StatusOr<Session*> session = SessionOf(request);
    if (!session.ok()) return reply(session.status());
    (*session)->Close(absl::Milliseconds(request.grace_ms()), [reply](bool was_running) {
      v1::CloseResponse closed;
      closed.set_was_running(was_running);
      reply(std::move(closed));
    });
  }

  void List(const v1::ListRequest&, Reply<v1::ListResponse> reply) override {
    reply(sessions_.List());
  }

  void GetHost(const v1::GetHostRequest&, Reply<v1::GetHostResponse> reply) override {
    reply(hooks_.get_host());
  }

  void Shutdown(const v1::ShutdownRequest& request, Reply<v1::ShutdownResponse> reply) override {
    if (request.only_if_idle() && !sessions_.idle()) {
      return reply(MakeFailure(v1::FAILURE_BUSY_LIMIT, "the agent has sessions that run"));
    }
    const SessionTable::OthersTells others = sessions_.TellsOfOthers(request.coordinator_id());
    const bool may_end_all = request.force() || request.coordinator_id().empty();
    if (others.count > 0 && !may_end_all) {
      return sessions_.CloseOf(request.coordinator_id(), [reply, others](size_t) {
        reply(MakeFailure(
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
      reply(std::move(shut_down));
      loop_.Post([this] { hooks_.on_shutdown(); });
    });
  }

  void Upgrade(const v1::UpgradeRequest& request, Reply<v1::UpgradeResponse> reply) override {
    if (!hooks_.on_upgrade) {
      return reply(MakeFailure(v1::FAILURE_VERSION, "this agent takes no other build's place"));
    }
    hooks_.on_upgrade(request.program(), [reply](const absl::Status& outcome) {
      outcome.ok() ? reply(v1::UpgradeResponse()) : reply(outcome);
    });
  }

 private:
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
  return std::make_unique<SessionsService>(loop, sessions, std::move(hooks));
}

}  // namespace iris
