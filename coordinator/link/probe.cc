#include "coordinator/link/probe.h"

#include <utility>

#include "common/failure/failure.h"

namespace iris {
namespace {

// Outlives the Probe until its stream has ended. Fields are for the loop.
class ProbeCall final : public ProbeFrames::Sink, public std::enable_shared_from_this<ProbeCall> {
 public:
  ProbeCall(EventLoop& loop, Probe::Callbacks callbacks)
      : loop_(loop), callbacks_(std::move(callbacks)) {}

  void Start(AgentChannel& channel) {
    stream_ = channel.Probe(shared_from_this());
    writing_ = true;
    stream_->Start(NextQuestion());
  }

  uint64_t Ping() {
    if (ended_) return 0;
    if (writing_) {
      again_ = true;
      return nonce_ + 1;
    }
    writing_ = true;
    stream_->Send(NextQuestion());
    return nonce_;
  }

  void Cancel() {
    callbacks_ = {};
    ended_ = true;
    stream_->Cancel();
  }

 private:
  v1::ProbeRequest NextQuestion() {
    v1::ProbeRequest question;
    question.set_nonce(++nonce_);
    return question;
  }

  void OnFrame(v1::ProbeResponse& answer) override {
    loop_.Post([self = shared_from_this(), nonce = answer.nonce()] {
      if (self->callbacks_.on_answer) self->callbacks_.on_answer(nonce);
    });
  }
  void OnSent(const v1::ProbeRequest&) override {
    loop_.Post([self = shared_from_this()] {
      self->writing_ = false;
      if (std::exchange(self->again_, false)) self->Ping();
    });
  }
  void OnEnded(const absl::Status& why) override {
    loop_.Post([self = shared_from_this(), why] {
      self->ended_ = true;
      if (!self->callbacks_.on_end) return;
      std::exchange(self->callbacks_, {})
          .on_end(why.ok() ? MakeFailure(v1::FAILURE_DROPPED, "the agent ended the link")
                           : Annotate(why, "the link"));
    });
  }

  EventLoop& loop_;
  Probe::Callbacks callbacks_;
  std::shared_ptr<ProbeFrames> stream_;
  bool ended_ = false;
  bool writing_ = false;
  bool again_ = false;  // Asked for while writing.
  uint64_t nonce_ = 0;  // The last that was sent.
};

class StreamProbe final : public Probe {
 public:
  explicit StreamProbe(std::shared_ptr<ProbeCall> call) : call_(std::move(call)) {}
  ~StreamProbe() override { call_->Cancel(); }
  uint64_t Ping() override { return call_->Ping(); }

 private:
  const std::shared_ptr<ProbeCall> call_;
};

}  // namespace

std::unique_ptr<Probe> Probe::Start(EventLoop& loop, AgentChannel& channel, Callbacks callbacks) {
  auto call = std::make_shared<ProbeCall>(loop, std::move(callbacks));
  call->Start(channel);
  return std::make_unique<StreamProbe>(std::move(call));
}

}  // namespace iris
