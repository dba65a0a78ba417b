#include "coordinator/service/mcp_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/service/lent_env.h"

namespace iris {

McpCall::McpCall(CoordinatorService& service)
    : ServerStream(service.loop_),
      service_(service),
      session_(service.loop_, *this, *this),
      memory_(service.budget_) {}

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

void McpCall::Prepare(const v1::McpClientMessage& frame) { read_ = reader_.Take(frame); }

void McpCall::OnRead(v1::McpClientMessage& frame) {
  if (frame.has_client()) lent_env_ = LentEnv(frame.client().lent_env());
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
  read_waits_ = waiting_.size() >= kWaitingMax;
  if (!read_waits_) Read();
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
  // Before its turn comes a client may have let any number of others wait.
  if (!message.outcome_of.empty() && message.text_bytes() > kTextHeldMax) message.LetGo();
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
  if (!message.let_go()) return true;
  if (!memory_.MayTakeMore([this] { WriteNext(); }, message.text_bytes())) return false;
  absl::StatusOr<std::shared_ptr<const std::string>> text = ReadAnswer(message.outcome_of);
  if (text.ok()) {
    memory_.Set((*text)->size());
    message.PutBack(*std::move(text));
  } else {
    message = message.instead(text.status());
  }
  return true;
}

void McpCall::WritePiece() {
  McpOutgoing& message = waiting_.front();
  v1::McpServerMessage update;
  update.set_json(message.NextPiece());
  update.set_more(!message.done());
  if (message.done()) {
    update.set_settles(message.settles);
    update.set_opening(message.opening);
    outcome_of_ = message.outcome_of;
    waiting_.pop_front();
    memory_.Set(0);
  }
  Write(std::move(update));
  if (read_waits_) ReadOn();
}

// The answer of a tell that is settled.
absl::StatusOr<std::shared_ptr<const std::string>> McpCall::ReadAnswer(const std::string& tell_id) {
  struct : TellObserver {
    void OnAccepted(const std::string&) override {}
    void OnProgress(const v1::TellProgress&) override {}
    void OnSettled(const TellOutcome& outcome) override { answer = outcome.answer; }
    std::shared_ptr<const std::string> answer;
  } reader;
  absl::Status found = service_.orchestrator_.Follow(tell_id, kCommandLineCaller, &reader);
  if (!found.ok()) return found;
  if (reader.answer != nullptr) return reader.answer;
  service_.orchestrator_.RemoveObserver(tell_id, &reader);
  return MakeFailure(v1::FAILURE_INTERNAL,
                     absl::StrCat("the answer of ", tell_id, " is not in the store"));
}

absl::Status McpCall::Tell(TellSpec spec, TellObserver* observer) {
  service_.daemon_.Lend(lent_env_);
  return service_.orchestrator_.Tell(std::move(spec), observer);
}

void McpCall::RemoveObserver(const std::string& tell_id, TellObserver* observer) {
  service_.orchestrator_.RemoveObserver(tell_id, observer);
}

absl::Status McpCall::Follow(const std::string& tell_id, const std::string& caller,
                             TellObserver* observer) {
  return service_.orchestrator_.Follow(tell_id, caller, observer);
}

absl::StatusOr<v1::TellSummary> McpCall::Find(const std::string& tell_id,
                                              const std::string& caller) {
  return service_.orchestrator_.Find(tell_id, caller);
}

absl::StatusOr<v1::ListTellsResponse> McpCall::List(const std::string& from, bool all) {
  return service_.orchestrator_.List(from, all);
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> McpCall::Unfetched(const std::string& from) {
  return service_.orchestrator_.Unfetched(from);
}

void McpCall::Cancel(const std::string& tell_id, const std::string& caller, CancelDone done) {
  service_.orchestrator_.Cancel(tell_id, caller, std::move(done));
}

void McpCall::Wake(const std::string& from, const std::string& to, WakeDone done) {
  service_.daemon_.Lend(lent_env_);
  service_.orchestrator_.Wake(from, to, std::move(done));
}

void McpCall::Sleep(const std::string& from, const std::string& to, bool force, SleepDone done) {
  service_.orchestrator_.Sleep(from, to, force, std::move(done));
}

absl::StatusOr<v1::ListTeamsResponse> McpCall::Teams() {
  v1::ListTeamsResponse teams;
  if (absl::Status filled = service_.FillTeams(teams); !filled.ok()) return filled;
  return teams;
}

void McpCall::Status(StatusDone done) { service_.Status(std::move(done)); }

}  // namespace iris
