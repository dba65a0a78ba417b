#include "coordinator/service/mcp_call.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/service/lent_env.h"

namespace iris {
namespace {

// Any number of others may wait before it, and the client need not read.
bool IsLong(const McpOutgoing& message) {
  return !message.outcome_of.empty() && message.text_bytes() > AnswerText::kSmallBytesMax;
}

}  // namespace

McpCall::McpCall(CoordinatorService& service)
    : ServerStream(service.loop_),
      service_(service),
      reading_(service.budget_),
      session_(service.loop_, *this, *this),
      answer_text_(service.loop_, service.orchestrator_, service.budget_, [this] { WriteNext(); }) {
}

McpCall::~McpCall() {
  --service_.open_calls_;
  service_.mcp_calls_.erase(this);
}

void McpCall::OnBegin() {
  ++service_.calls_begun_;
  service_.mcp_calls_.insert(this);
  if (++service_.open_calls_ > CoordinatorService::kOpenCallsMax) {
    EndOfInput(MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(CoordinatorService::kOpenCallsMax,
                                                                " callers wait already")));
    return;
  }
  ReadOn();
}

void McpCall::Prepare(const v1::McpClientMessage& frame) {
  read_ = absl::optional<McpClientMessage>();
  if (frame.given().empty()) read_ = reader_.Take(frame);
}

void McpCall::OnRead(v1::McpClientMessage& frame) {
  if (frame.has_client()) {
    environment_ = EnvironmentIn(frame.client());
    caller_ = {.name = frame.client().caller(),
               .also = {frame.client().also().begin(), frame.client().also().end()},
               .calls_say_it = frame.client().caller().empty()};
    confirms_ = frame.client().confirms();
    const std::string& session_id = frame.client().claude_session_id();
    if (IsUuid(session_id)) claude_session_id_ = session_id;
  }
  if (!frame.given().empty()) OnGiven(frame.given());
  if (ending_.has_value()) return;
  if (!read_.ok()) return EndOfInput(read_.status());
  if (read_->has_value()) {
    ++service_.calls_begun_;
    session_.Take(*std::exchange(*read_, absl::nullopt));
  }
  ReadOn();
}

void McpCall::OnWritten(bool ok) {
  client_gone_ = client_gone_ || !ok;
  const std::string whole = std::exchange(outcome_of_, "");
  if (ok && !whole.empty()) service_.orchestrator_.MarkFetched(whole);
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
  for (const std::string& tell_id : given.mapped()) service_.orchestrator_.MarkFetched(tell_id);
}

absl::Status McpCall::Tell(TellSpec spec, TellObserver* observer) {
  spec.asker_session = claude_session_id_;
  spec.environment = environment_;
  absl::Status told = service_.orchestrator_.Tell(std::move(spec), observer);
  if (told.ok()) service_.daemon_.FollowConfig();
  return told;
}

void McpCall::RemoveObserver(const std::string& tell_id, TellObserver* observer) {
  service_.orchestrator_.RemoveObserver(tell_id, observer);
}

absl::Status McpCall::Follow(const std::string& tell_id, const std::string& caller,
                             TellObserver* observer, bool asker_waits) {
  const absl::Status status =
      service_.orchestrator_.Follow(tell_id, iris::Caller::Named(caller), observer,
                                    asker_waits ? claude_session_id_ : std::string());
  if (status.ok()) service_.AskForOne(tell_id, iris::Caller::Named(caller), environment_);
  return status;
}

absl::StatusOr<v1::TellSummary> McpCall::Find(const std::string& tell_id,
                                              const std::string& caller) {
  return service_.orchestrator_.Find(tell_id, iris::Caller::Named(caller));
}

absl::StatusOr<v1::ListTellsResponse> McpCall::List(const std::string& from, bool all) {
  return service_.orchestrator_.List(iris::Caller::Named(from), all);
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> McpCall::Unfetched(const std::string& from) {
  return service_.orchestrator_.Unfetched(iris::Caller::Named(from));
}

void McpCall::Cancel(const std::string& tell_id, const std::string& caller, CancelDone done) {
  service_.AskForOne(tell_id, iris::Caller::Named(caller), environment_);
  service_.orchestrator_.Cancel(tell_id, iris::Caller::Named(caller), std::move(done));
}

void McpCall::Wake(const std::string& from, const std::string& to, WakeDone done) {
  service_.daemon_.FollowConfig();
  service_.orchestrator_.Wake(iris::Caller::Named(from), to, std::move(done), /*takeover=*/false,
                              environment_);
}

void McpCall::Sleep(const std::string& from, const std::string& to, bool force, SleepDone done) {
  service_.orchestrator_.Sleep(iris::Caller::Named(from), to, force, std::move(done), environment_);
}

absl::StatusOr<v1::ListTeamsResponse> McpCall::Teams() {
  v1::ListTeamsResponse teams;
  if (absl::Status filled = service_.FillTeams(environment_, teams); !filled.ok()) return filled;
  return teams;
}

absl::Status McpCall::ConfigProblem() {
  service_.config_.Current(environment_).IgnoreError();  // Looks at the file.
  return service_.config_.problem();
}

void McpCall::Status(StatusDone done) { service_.Status(std::move(done)); }

}  // namespace iris
