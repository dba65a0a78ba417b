#include "coordinator/transport/attach_call.h"

#include <algorithm>
#include <utility>

#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"

namespace iris {
namespace {

constexpr size_t kFrameBytesMax = 32 << 10;  // 1 s at 256 kbit/s: what is said next waits for it.

v1::Position PositionOf(const ReadMark& mark) {
  v1::Position position;
  position.set_journal_id(mark.journal_id);
  position.set_incarnation(mark.incarnation);
  position.set_seq(mark.seq);
  return position;
}

}  // namespace

std::shared_ptr<AttachCall> AttachCall::Start(EventLoop& loop, std::shared_ptr<LinkLife> life,
                                              const Session& session, AttachSink& sink) {
  std::shared_ptr<AttachCall> call(new AttachCall(loop, std::move(life), session.after, sink));
  call->stream_ = call->life_->channel->Attach(call);
  v1::AttachRequest request;
  request.mutable_start()->set_session_id(session.id);
  request.mutable_start()->set_epoch(session.epoch);
  // Without a journal it is unknown there, and all that is kept comes: it may begin in the middle
  // of a turn of ours, of which nothing was stored yet.
  *request.mutable_start()->mutable_after() = call->reader_.position();
  const uint64_t credit = call->life_->credit.Open(call->credit_, loop.now());
  request.mutable_start()->set_credit_bytes(credit);
  call->allowed_ = static_cast<int64_t>(credit);
  call->stream_->Start(std::move(request));
  return call;
}

void AttachCall::Cancel() {
  LeaveLink();
  sink_ = nullptr;
  stream_->Cancel();
}

void AttachCall::LeaveLink() {
  life_->credit.Close(credit_);
  life_->send_window.Leave(*this);
  frames_.clear();
}

void AttachCall::SendTell(const std::string& tell_id, absl::string_view text, bool repeat,
                          bool begun) {
  do {
    const absl::string_view part = text.substr(0, kFrameBytesMax);
    text.remove_prefix(part.size());
    v1::AttachRequest request;
    request.mutable_tell()->set_tell_id(tell_id);
    request.mutable_tell()->set_text(part.data(), part.size());
    request.mutable_tell()->set_last(text.empty());
    request.mutable_tell()->set_repeat(repeat);
    request.mutable_tell()->set_begun(begun);
    frames_.push_back(std::move(request));
  } while (!text.empty());
  SendFrames();
}

// One at a time, as the link has room.
void AttachCall::SendFrames() {
  if (frame_in_writing_ || frames_.empty()) return;
  if (!life_->send_window.has_room()) return life_->send_window.Wait(*this);
  frame_in_writing_ = true;
  stream_->Send(std::move(frames_.front()));
  frames_.pop_front();
}

void AttachCall::OnFrameWritten(uint64_t bytes) {
  frame_in_writing_ = false;
  life_->send_window.OnWritten(bytes, loop_.now());
  SendFrames();
}

void AttachCall::Acknowledge(const ReadMark& mark) {
  v1::AttachRequest request;
  *request.mutable_ack()->mutable_position() = PositionOf(mark);
  stream_->Send(std::move(request));
}

void AttachCall::OnSent(const v1::AttachRequest& frame) {
  if (!frame.has_tell()) return;
  loop_.Post(
      [self = shared_from_this(), bytes = frame.ByteSizeLong()] { self->OnFrameWritten(bytes); });
}

void AttachCall::OnFrame(v1::AttachResponse& frame) {
  std::vector<SessionNews> news;
  uint64_t wire_bytes = 0;
  for (const v1::Event& event : frame.events().events()) wire_bytes += WireBytes(event);
  const int64_t rest = std::max<int64_t>(
      static_cast<int64_t>(frame.ByteSizeLong()) - static_cast<int64_t>(wire_bytes), 64);
  if (in_breach_ || IsBeyondCredit(frame, wire_bytes, rest)) {
    in_breach_ = true;
    return stream_->Cancel();  // OnEnded() says when it is over.
  }
  if (frame.has_attached()) reader_.Apply(frame.attached(), news);
  if (frame.has_reset()) reader_.Apply(frame.reset(), news);
  for (const v1::Event& event : frame.events().events()) reader_.Apply(event, news);
  Deliver(std::move(news), wire_bytes, rest);
}

bool AttachCall::IsBeyondCredit(const v1::AttachResponse& frame, uint64_t wire_bytes,
                                int64_t rest) {
  allowed_ -= static_cast<int64_t>(wire_bytes);
  uncounted_ += rest;
  if (frame.has_attached() || frame.has_reset()) return std::exchange(answered_, true);
  return allowed_ < -kBeyondCreditMax || uncounted_ > kBeyondCreditMax;
}

void AttachCall::Deliver(std::vector<SessionNews> news, uint64_t wire_bytes, int64_t rest) {
  loop_.Post([self = shared_from_this(), news = std::move(news), wire_bytes, rest,
              point = reader_.point()]() mutable {
    self->uncounted_ -= rest;
    if (self->sink_ == nullptr) return;
    self->sink_->OnNews(std::move(news), wire_bytes, point);
    if (self->sink_ != nullptr && wire_bytes > 0) self->GiveCredit(wire_bytes);
  });
}

// `bytes` came and were taken.
void AttachCall::GiveCredit(uint64_t bytes) {
  unsent_credit_ += life_->credit.OnArrived(credit_, bytes, loop_.now());
  SendCredit();
}

void AttachCall::SendCredit() {
  if (unsent_credit_ == 0 || sink_ == nullptr) return;
  const bool may = sink_->MayTakeMore([weak = weak_from_this()] {
    if (const std::shared_ptr<AttachCall> self = weak.lock()) self->SendCredit();
  });
  if (!may) return;
  v1::AttachRequest credit;
  credit.mutable_credit()->set_bytes(unsent_credit_);
  allowed_ += static_cast<int64_t>(std::exchange(unsent_credit_, 0));
  stream_->Send(std::move(credit));
}

void AttachCall::OnEnded(const absl::Status& why) {
  loop_.Post([self = shared_from_this(), why, in_breach = in_breach_] {
    AttachSink* const sink = std::exchange(self->sink_, nullptr);
    if (sink == nullptr) return;
    self->LeaveLink();
    if (in_breach) {
      return sink->OnDetached(MakeFailure(
          v1::FAILURE_INTERNAL, "the agent on the host sent more than it was allowed to"));
    }
    sink->OnDetached(why.ok()
                         ? MakeFailure(v1::FAILURE_DROPPED, "the agent ended the session's stream")
                         : Annotate(why, "the session's stream"));
  });
}

}  // namespace iris
