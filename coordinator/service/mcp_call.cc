#include "coordinator/service/mcp_call.h"

#include <memory>
#include <utility>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"
#include "coordinator/mcp/client.h"
#include "coordinator/service/visitor_in.h"

namespace iris {
namespace {

// Any number of others may wait before it, and the client need not read.
bool IsLong(const McpOutgoing& message) {
  return !message.outcome_of.empty() && message.text_bytes() > AnswerText::kSmallBytesMax;
}

McpClient ClientOf(const v1::McpClient& said) {
  McpClient client = {
      .visitor = {.caller = Caller::Named(said.caller()), .environment = EnvironmentIn(said)},
      .also = {},
      .calls_say_it = said.caller().empty()};
  for (const std::string& team : said.also()) client.also.push_back(Caller::Named(team));
  if (IsUuid(said.claude_session_id())) client.visitor.claude_session = said.claude_session_id();
  return client;
}

}  // namespace

McpCall::McpCall(const ServiceParts& parts)
    : ServerStream(parts.loop),
      parts_(parts),
      reading_(parts.budget),
      session_(parts.loop, parts.desk, *this),
      answer_text_(parts.loop, parts.desk, parts.budget, [this] { WriteNext(); }) {}

McpCall::~McpCall() {
  parts_.calls.End();
  parts_.mcp_calls.erase(this);
}

void McpCall::OnBegin() {
  parts_.mcp_calls.insert(this);
  if (absl::Status begun = parts_.calls.Begin(); !begun.ok()) return EndOfInput(begun);
  ReadOn();
}

void McpCall::Prepare(const v1::McpClientMessage& frame) {
  read_ = absl::optional<McpClientMessage>();
  if (frame.given().empty()) read_ = reader_.Take(frame);
}

void McpCall::OnRead(v1::McpClientMessage& frame) {
  if (frame.has_client()) {
    confirms_ = frame.client().confirms();
    session_.Introduce(ClientOf(frame.client()));
  }
  if (!frame.given().empty()) OnGiven(frame.given());
  if (ending_.has_value()) return;
  if (!read_.ok()) return EndOfInput(read_.status());
  if (read_->has_value()) {
    parts_.calls.Note();
    session_.Take(*std::exchange(*read_, absl::nullopt));
  }
  ReadOn();
}

void McpCall::OnWritten(bool ok) {
  client_gone_ = client_gone_ || !ok;
  const std::string whole = std::exchange(outcome_of_, "");
  if (ok && !whole.empty()) MarkRead(whole);
  WriteNext();
}

void McpCall::OnGone() {
  client_gone_ = true;
  WriteNext();
}

void McpCall::ReadOn() {
  if (ending_.has_value()) return;
  read_waits_ = waits_for_client();
  if (read_waits_) return;
  reading_.Set(reader_.bytes());
  if (reading_.MayTakeMore([this] { ReadOn(); })) Read();
}

bool McpCall::waits_for_client() const {
  size_t bytes = 0;
  for (const McpOutgoing& message : waiting_) bytes += message.held_bytes();
  return waiting_.size() >= kWaitingMax || bytes >= kWaitingBytesMax;
}

void McpCall::EndOfInput(const absl::Status& ending) {
  if (!ending_.has_value()) ending_ = ending;
  WriteNext();
}

void McpCall::Leave(const absl::Status& why) {
  session_.Close(why);
  EndOfInput(why);
}

void McpCall::Send(McpOutgoing message) {
  if (message.is_progress && waiting_.size() >= kWaitingMax) return;
  if (IsLong(message)) {
    if (waiting_.empty() && message.text() != nullptr) {
      answer_text_.Offer(message.outcome_of, message.text());
    }
    message.LetGo();
  }
  waiting_.push_back(std::move(message));
  WriteNext();
}

void McpCall::WriteNext() {
  if (writing() || finished()) return;
  if (client_gone_) {
    Finish(MakeFailure(v1::FAILURE_CANCELLED, "the client is gone"));
  } else if (!waiting_.empty()) {
    if (HasText()) WritePiece();
  } else if (ending_.has_value()) {
    Finish(*ending_);
  }
}

bool McpCall::HasText() {
  McpOutgoing& message = waiting_.front();
  if (!message.lacks_text()) return true;
  absl::StatusOr<std::shared_ptr<const std::string>> text =
      answer_text_.Get(message.outcome_of, message.text_bytes());
  if (text.ok()) {
    message.PutBack(*std::move(text));
    return !message.lacks_text();
  }
  // A message that has begun cannot become another one: the front end asks again on a new stream.
  if (message.begun()) {
    Finish(text.status());
    return false;
  }
  message = message.instead(text.status());
  return true;
}

void McpCall::WritePiece() {
  McpOutgoing& message = waiting_.front();
  v1::McpServerMessage update;
  update.set_accepted(message.accepted);
  update.set_accepted_member(message.accepted_member);
  update.set_json(message.NextPiece());
  update.set_more(!message.done() || message.continues);
  if (IsLong(message)) message.LetGo();
  if (message.done()) {
    update.set_settles(message.settles);
    update.set_opening(message.opening);
    if (confirms_) {
      update.set_confirm(NoteToConfirm(message));
    } else {
      outcome_of_ = message.outcome_of;
    }
    waiting_.pop_front();
    answer_text_.Drop();
  }
  Write(std::move(update));
  if (read_waits_) ReadOn();
}

// Before it is written: what the front end says of it may come before we hear that it was.
bool McpCall::NoteToConfirm(const McpOutgoing& message) {
  if (!message.outcome_of.empty()) outcomes_of_.push_back(message.outcome_of);
  if (message.settles.empty() || outcomes_of_.empty()) return false;
  if (to_confirm_.size() >= kToConfirmMax) to_confirm_.erase(to_confirm_.begin());
  to_confirm_[message.settles] = std::exchange(outcomes_of_, {});
  return true;
}

void McpCall::OnGiven(const std::string& id) {
  const auto given = to_confirm_.extract(id);
  if (given.empty()) return;
  for (const std::string& tell_id : given.mapped()) MarkRead(tell_id);
}

// The client was given it, so it was one that it may see.
void McpCall::MarkRead(const std::string& tell_id) {
  parts_.desk.MarkRead(tell_id, Caller::CommandLine()).IgnoreError();
}

}  // namespace iris
