#include "agent/service/attach_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"

namespace iris {

AttachStream::~AttachStream() {
  streams_.Remove(this);
  if (session_ != nullptr) session_->RemoveReader(this);
}

void AttachStream::OnBegin() {
  streams_.Add(this);
  stream_.Read();
}

void AttachStream::OnSent(bool ok) {
  if (ok) SendOn();  // Broken: OnNoMore() says so too, and ends it.
}

void AttachStream::End() { stream_.End(MakeFailure(v1::FAILURE_DROPPED, "the agent is leaving")); }

void AttachStream::OnFrame(v1::AttachRequest& request) {
  const absl::Status taken = Take(request);
  if (!taken.ok()) return stream_.End(taken);
  SendOn();
  ReadOn();
}

void AttachStream::ReadOn() {
  memory_.Set(tell_text_.size());
  if (memory_.MayTakeMore([this] { ReadOn(); })) stream_.Read();
}

absl::Status AttachStream::Take(v1::AttachRequest& request) {
  switch (request.kind_case()) {
    case v1::AttachRequest::kStart:
      return OnStart(request.start());
    case v1::AttachRequest::kCredit:
      credit_ += static_cast<int64_t>(std::min<uint64_t>(request.credit().bytes(), 1 << 30));
      break;
    case v1::AttachRequest::kAck:
      return OnAck(request.ack().position());
    case v1::AttachRequest::kTell:
      return OnTell(*request.mutable_tell());
    case v1::AttachRequest::KIND_NOT_SET:
      break;  // From a newer peer; not for us.
  }
  return absl::OkStatus();
}

absl::Status AttachStream::OnStart(const v1::AttachStart& start) {
  if (session_ != nullptr) return MakeFailure(v1::FAILURE_BAD_REQUEST, "attached already");
  const absl::StatusOr<Session*> session = sessions_.Find(start.session_id(), start.epoch());
  if (!session.ok()) return session.status();
  epoch_ = start.epoch();
  credit_ = static_cast<int64_t>(std::min<uint64_t>(start.credit_bytes(), 1 << 30));
  const Journal& journal = (*session)->journal();
  const v1::ResetReason reset =
      start.has_after() ? journal.CheckPosition(start.after()) : v1::RESET_UNSPECIFIED;
  const std::vector<v1::TellState> open = (*session)->OpenTells();
  const std::vector<v1::PendingRequest> pending = (*session)->pending_requests();
  const v1::SessionInfo info = (*session)->Info();
  const bool answers = info.state() == v1::SESSION_READY || info.state() == v1::SESSION_BUSY;
  v1::AttachResponse response;
  if (reset == v1::RESET_UNSPECIFIED) {
    sent_seq_ = start.has_after() ? start.after().seq() : journal.newest_seq();
    v1::Attached& attached = *response.mutable_attached();
    *attached.mutable_position() = journal.newest();
    attached.set_state(info.state());
    attached.mutable_tells()->Assign(open.begin(), open.end());
    attached.mutable_pending_requests()->Assign(pending.begin(), pending.end());
    if (answers) *attached.mutable_child() = info.child();
    attached.set_never_opened(!(*session)->opened());
  } else {
    sent_seq_ = journal.oldest_known();
    v1::Reset& answer = *response.mutable_reset();
    *answer.mutable_position() = journal.PositionAt(sent_seq_);
    answer.set_reason(reset);
    answer.mutable_tells()->Assign(open.begin(), open.end());
    answer.mutable_pending_requests()->Assign(pending.begin(), pending.end());
    answer.set_newest_seq(journal.newest_seq());
    if (answers) *answer.mutable_child() = info.child();
  }
  session_ = *session;
  session_->AddReader(this);
  session_->OnReaderBehind(sent_seq_);
  stream_.Send(std::move(response));
  return absl::OkStatus();
}

absl::Status AttachStream::OnAck(const v1::Position& position) {
  if (session_ == nullptr) return MakeFailure(v1::FAILURE_BAD_REQUEST, "an ack before the start");
  // Only the lease holder's word lets events go: another coordinator may not have them yet. One
  // that was fenced reads on: what it waits for may still come.
  if (!session_->CheckEpoch(epoch_).ok()) return absl::OkStatus();
  // Said before the reader had heard of the reset.
  if (session_->journal().CheckPosition(position) == v1::RESET_UNKNOWN_JOURNAL) {
    return absl::OkStatus();
  }
  session_->Acknowledge(std::min(position.seq(), sent_seq_));
  return absl::OkStatus();
}

absl::Status AttachStream::OnTell(v1::TellFrame& frame) {
  if (session_ == nullptr) return MakeFailure(v1::FAILURE_BAD_REQUEST, "a tell before the start");
  // A lease may have gone to another coordinator since this one attached.
  absl::Status leased = session_->CheckEpoch(epoch_);
  if (!leased.ok()) return leased;
  if (tell_text_.empty()) tell_id_ = frame.tell_id();
  if (tell_id_ != frame.tell_id() ||
      tell_text_.size() + frame.text().size() > TellQueue::kTellBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "tell frames are mixed, or longer than 8 MiB");
  }
  tell_text_ += frame.text();
  tell_repeat_ |= frame.repeat();
  tell_begun_ |= frame.begun();
  if (!frame.last()) return absl::OkStatus();
  return session_->Tell(std::exchange(tell_id_, {}), std::exchange(tell_text_, {}),
                        std::exchange(tell_repeat_, false), std::exchange(tell_begun_, false));
}

void AttachStream::SendOn() {
  SendMore();
  if (session_ != nullptr) session_->OnReaderSent();
}

void AttachStream::SendMore() {
  if (session_ == nullptr || !stream_.may_send() || credit_ <= 0) return;
  if (sent_seq_ < session_->journal().oldest_known()) {
    // The lease holder's acknowledgement has trimmed what this one had not seen.
    return stream_.End(MakeFailure(v1::FAILURE_DROPPED, "this reader fell behind the journal"));
  }
  // Half of the credit: its reader gives it back while the other half is on its way.
  const absl::StatusOr<std::vector<EventPtr>> events = session_->journal().After(
      sent_seq_, std::min<size_t>(kBatchBytesMax, static_cast<size_t>(credit_) / 2));
  if (!events.ok()) return stream_.End(events.status());
  if (events->empty()) return;
  v1::AttachResponse response;
  for (const EventPtr& event : *events) {
    *response.mutable_events()->add_events() = *event;
    credit_ -= static_cast<int64_t>(WireBytes(*event));
  }
  sent_seq_ = events->back()->seq();
  stream_.Send(std::move(response));
}

}  // namespace iris
