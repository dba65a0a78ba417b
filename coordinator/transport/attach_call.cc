#include "coordinator/transport/attach_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"
#include "common/rpc/grpc_failure.h"

namespace iris {
namespace {

constexpr size_t kFrameBytesMax = 256 << 10;

absl::Status WhyExited(const v1::Exited& exited) {
  std::string how = exited.how_case() == v1::Exited::kSignal
                        ? absl::StrCat("was ended by signal ", exited.signal())
                        : absl::StrCat("exited with code ", exited.code());
  if (exited.reason() == v1::Exited::IDLE) how = "was ended because it was idle";
  if (exited.reason() == v1::Exited::CLOSED) how = "was ended on request";
  if (!exited.stderr_tail().empty()) absl::StrAppend(&how, ": ", exited.stderr_tail());
  return MakeFailure(v1::FAILURE_CHILD_EXITED, absl::StrCat("claude ", how));
}

}  // namespace

std::shared_ptr<AttachCall> AttachCall::Start(EventLoop& loop, OutstandingCalls& calls,
                                              std::shared_ptr<LinkLife> life,
                                              const std::string& session_id, uint64_t epoch,
                                              AttachSink& sink) {
  std::shared_ptr<AttachCall> call(new AttachCall(loop, calls, std::move(life), sink));
  call->self_ = call;
  calls.Started();
  call->life_->stub->async()->Attach(&call->context_, call.get());
  call->StartRead(&call->response_);
  v1::AttachRequest request;
  request.mutable_start()->set_session_id(session_id);
  request.mutable_start()->set_epoch(epoch);
  request.mutable_start()->set_credit_bytes(kCreditBytes);
  // Writes may be started from the loop at any time, so the call holds itself open until it is
  // over.
  call->AddHold();
  call->Send(std::move(request));
  call->StartCall();
  return call;
}

void AttachCall::Cancel() {
  sink_ = nullptr;
  context_.TryCancel();
}

void AttachCall::SendTell(const std::string& tell_id, absl::string_view text) {
  do {
    const absl::string_view part = text.substr(0, kFrameBytesMax);
    text.remove_prefix(part.size());
    v1::AttachRequest request;
    request.mutable_tell()->set_tell_id(tell_id);
    request.mutable_tell()->set_text(part.data(), part.size());
    request.mutable_tell()->set_last(text.empty());
    Send(std::move(request));
  } while (!text.empty());
}

// gRPC takes one write at a time.
void AttachCall::Send(v1::AttachRequest request) {
  absl::MutexLock lock(&mutex_);
  if (over_) return;
  to_write_.push_back(std::move(request));
  if (to_write_.size() == 1) StartWrite(&to_write_.front());
}

void AttachCall::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  to_write_.pop_front();
  if (ok && !over_ && !to_write_.empty()) StartWrite(&to_write_.front());
}

void AttachCall::OnReadDone(bool ok) {
  if (!ok) {
    // Nothing more comes, and nothing may be written from now on.
    {
      absl::MutexLock lock(&mutex_);
      over_ = true;
    }
    RemoveHold();
    return;
  }
  std::vector<SessionNews> news;
  uint64_t wire_bytes = 0;
  if (response_.has_attached() || response_.has_reset()) {
    position_ =
        response_.has_attached() ? response_.attached().position() : response_.reset().position();
    news.push_back({.kind = SessionNews::Kind::kAttached});
  }
  for (const v1::Event& event : response_.events().events()) {
    position_.set_seq(event.seq());
    wire_bytes += WireBytes(event);
    Apply(event, news);
  }
  Deliver(std::move(news), wire_bytes);
  StartRead(&response_);
}

void AttachCall::Apply(const v1::Event& event, std::vector<SessionNews>& news) {
  using Kind = SessionNews::Kind;
  switch (event.kind_case()) {
    case v1::Event::kStarted:
      news.push_back({.kind = Kind::kStarted, .child = event.started().child()});
      break;
    case v1::Event::kWritten:
      in_flight_ = event.written().tell_id();
      turn_.Begin();
      news.push_back({.kind = Kind::kWritten, .tell_id = in_flight_});
      break;
    case v1::Event::kOutput: {
      std::string text = turn_.Feed(event.output().bytes(), !event.output().more());
      if (!in_flight_.empty() && !text.empty()) {
        news.push_back({.kind = Kind::kText, .tell_id = in_flight_, .text = std::move(text)});
      }
      break;
    }
    case v1::Event::kSettled: {
      absl::Status outcome = FromProto(event.settled().failure());
      const std::string& tell_id = event.settled().tell_id();
      if (tell_id == in_flight_) {
        if (outcome.ok() && !turn_.broken().empty()) {
          outcome = MakeFailure(v1::FAILURE_INTERNAL,
                                absl::StrCat("the answer may be incomplete: ", turn_.broken()));
        }
        if (outcome.ok()) {
          news.push_back({.kind = Kind::kText, .tell_id = tell_id, .text = turn_.Finish()});
        }
        in_flight_.clear();
      }
      news.push_back({.kind = Kind::kSettled, .tell_id = tell_id, .outcome = outcome});
      break;
    }
    case v1::Event::kExited:
      news.push_back({.kind = Kind::kExited, .outcome = WhyExited(event.exited())});
      break;
    default:
      break;
  }
}

void AttachCall::Deliver(std::vector<SessionNews> news, uint64_t wire_bytes) {
  loop_.Post([self = shared_from_this(), news = std::move(news), wire_bytes,
              position = position_]() mutable {
    if (self->sink_ == nullptr) return;
    self->sink_->OnNews(std::move(news), wire_bytes);
    if (wire_bytes == 0) return;
    v1::AttachRequest credit;
    credit.mutable_credit()->set_bytes(wire_bytes);
    self->Send(std::move(credit));
    v1::AttachRequest ack;
    *ack.mutable_ack()->mutable_position() = std::move(position);
    self->Send(std::move(ack));
  });
}

void AttachCall::OnDone(const grpc::Status& status) {
  loop_.Post([self = self_, status] {
    AttachSink* const sink = std::exchange(self->sink_, nullptr);
    if (sink == nullptr) return;
    sink->OnDetached(status.ok()
                         ? MakeFailure(v1::FAILURE_DROPPED, "the agent ended the session's stream")
                         : FromGrpcStatus(status, "the session's stream"));
  });
  OutstandingCalls& calls = calls_;
  self_.reset();  // May destroy this.
  calls.Ended();
}

}  // namespace iris
