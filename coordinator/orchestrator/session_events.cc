// What the orchestrator hears of a session, from the session's transport.

#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

TransportSink& Orchestrator::SinkFor(PooledSession& session) {
  Queue& queue = queues_[session.session_id()];
  queue.owner = this;
  queue.session = &session;
  return queue;
}

void Orchestrator::Queue::OnProgress(const TransportProgress& progress) {
  session->NoteProgress();
  if (!awaits.has_value()) return owner->tells_.SetProgress(in_flight, ToProto(progress));
  awaits = ToProto(progress);
  owner->ReportPlaces(*this);
}

void Orchestrator::Queue::OnReady(int64_t child_pid, uint64_t child_start_time) {
  session->NoteReady(child_pid, child_start_time);
  v1::WakeResponse response;
  response.set_child_pid(child_pid);
  wakes.Answer(response);
  if (!waiting.empty()) owner->PostStartNext(session->session_id());
}

void Orchestrator::Queue::OnDown(const absl::Status& why) {
  session->NoteDown(why);
  wakes.Answer(why);
  if (!waiting.empty()) owner->PostStartNext(session->session_id());
}

void Orchestrator::Queue::OnText(const std::string& id_on_host, absl::string_view text) {
  auto* const open = owner->tells_.FindSent(id_on_host);
  if (open == nullptr) return;
  open->answer().Append(text, owner->limits_.answer_bytes_max);
}

void Orchestrator::Queue::OnTextVoid(const std::string& id_on_host) {
  auto* const open = owner->tells_.FindSent(id_on_host);
  if (open == nullptr) return;
  open->answer().Void();
}

void Orchestrator::Queue::OnStructured(const std::string& id_on_host, size_t bytes) {
  auto* const open = owner->tells_.FindSent(id_on_host);
  if (open != nullptr) open->answer().set_structured_bytes(bytes);
}

void Orchestrator::Queue::OnAccount(const std::string& id_on_host, const v1::TurnAccount& account) {
  auto* const open = owner->tells_.FindSent(id_on_host);
  if (open == nullptr) return;
  v1::TurnAccount of_team = account;
  of_team.set_asks(session->team().ask_permissions);  // Whether a person is asked.
  open->answer().set_account(of_team);
}

void Orchestrator::Queue::OnSettled(const std::string& id_on_host, const absl::Status& outcome) {
  session->NoteSettled();
  auto* const open = owner->tells_.FindSent(id_on_host);
  if (open == nullptr) return;
  const size_t bytes_max = owner->limits_.answer_bytes_max;
  if (outcome.ok() && open->answer().IsLongerThan(bytes_max)) {
    return owner->settling_.End(open->id(),
                                MakeFailure(v1::FAILURE_STORAGE,
                                            absl::StrCat("the answer is longer than ", bytes_max,
                                                         " bytes; the rest was thrown away"),
                                            "Ask the team to write it to a file."));
  }
  const absl::optional<absl::Time> again =
      open->WhenToSendAgain(outcome, owner->store_.Now(), owner->limits_.limit_waits);
  if (again.has_value()) return owner->settling_.PutOff(open->id(), outcome, *again);
  owner->settling_.End(open->id(), outcome);
}

void Orchestrator::Queue::OnCancelHeard(const std::string& id_on_host) {
  session->NoteCancelHeard(id_on_host);
  owner->cancels_.OnHeard(id_on_host);
}

void Orchestrator::Queue::OnRequests(const std::vector<v1::PendingRequest>& requests) {
  session->NoteRequests(requests);
}

void Orchestrator::Queue::OnReadUpTo(const ReadMark& mark) {
  session->NoteReadUpTo(mark);
  owner->settling_.Read(session->session_id(), mark);
}

bool Orchestrator::Queue::HostHasAnswered() const { return session->HostHasAnswered(); }

absl::Status Orchestrator::Queue::EndWhileAway(const std::string& id_on_host,
                                               const HostAway& away) const {
  return owner->EndOfSent(id_on_host, away);
}

void Orchestrator::Queue::OnHostAway(const HostAway& away) {
  owner->PostAway(session->session_id(), away);
}

void Orchestrator::Queue::OnHostBack() {
  session->NoteHostBack();
  awaits.reset();
  away.reset();
  owner->PostStartNext(session->session_id());
}

bool Orchestrator::Queue::MayGive(const std::string& id_on_host) {
  return owner->MayGive(id_on_host);
}

}  // namespace iris
