// What was read of sessions is stored every kCheckpointEvery, and at once where a tell is over, in
// one transaction with how it ended. Only then it is acknowledged, and only then whoever waits
// hears of the end: whoever reads the sessions next, in this life or another, goes on from there.

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {
namespace {

// One write to the disk for all sessions; a loss of power costs at most so much of reading.
constexpr absl::Duration kCheckpointEvery = absl::Milliseconds(50);
// The disk took nothing: the hosts keep what is not acknowledged meanwhile.
constexpr absl::Duration kCheckpointAgain = absl::Seconds(1);

v1::CancelTellOfResponse ResponseFor(const absl::Status& outcome) {
  v1::CancelTellOfResponse response;
  if (!outcome.ok()) *response.mutable_failure() = ToProto(outcome);
  return response;
}

}  // namespace

void Orchestrator::SaveSoon(const std::string& session_id, const ReadMark& mark) {
  applied_[session_id] = mark;
  if (checkpoint_timer_ != 0) return;
  checkpoint_timer_ = loop_.After(kCheckpointEvery, [this] {
    checkpoint_timer_ = 0;
    Save();
  });
}

// Not stored at once: the mark behind the end is about to come.
void Orchestrator::End(const std::string& tell_id, const absl::Status& outcome) {
  const auto open = open_.find(tell_id);
  if (open == open_.end() || open->second.outcome.has_value()) return;
  OpenTell& tell = open->second;
  tell.outcome = outcome;
  no_way_.erase(std::remove(no_way_.begin(), no_way_.end(), tell_id), no_way_.end());
  // What was too long.
  tell.answer.resize(std::min(tell.answer.size(), limits_.answer_bytes_max));
  if (!outcome.ok()) tell.structured_bytes = 0;
  ended_.push_back(tell_id);
  PostSave();
}

void Orchestrator::PostSave() {
  if (std::exchange(save_posted_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    save_posted_ = false;
    Save();
  });
}

void Orchestrator::Save() {
  std::set<std::string> session_ids;
  for (const auto& [session_id, mark] : applied_) session_ids.insert(session_id);
  for (const std::string& tell_id : ended_) session_ids.insert(open_[tell_id].session_id);
  for (const std::string& session_id : unsaved_) session_ids.erase(session_id);
  // What comes while a session is being stored is stored behind that.
  for (const std::string& session_id : saving_) saves_again_ |= session_ids.erase(session_id) > 0;
  if (session_ids.empty()) return;
  SaveSessions(session_ids, [this, session_ids](const absl::Status& saved) {
    if (saved.ok()) return;
    if (unsaved_.empty()) {
      LogError("what was read of ", session_ids.size(), " sessions to store: ", saved.message());
    }
    if (session_ids.size() > 1) return SaveEach(session_ids);
    OnNotStored(*session_ids.begin(), saved);
    SaveUnsavedLater();
  });
}

// An answer for which there is no room must not hold up those for which there is, now or later:
// each session for itself, and those that do not fit again after a while.
void Orchestrator::SaveEach(const std::set<std::string>& session_ids) {
  const auto left = std::make_shared<size_t>(session_ids.size());
  for (const std::string& session_id : session_ids) {
    SaveSessions({session_id}, [this, session_id, left](const absl::Status& saved) {
      if (!saved.ok()) OnNotStored(session_id, saved);
      if (--*left == 0) SaveUnsavedLater();
    });
  }
}

void Orchestrator::SaveUnsavedLater() {
  if (unsaved_.empty()) return;
  store_.Post(
      [](Store& store) {
        store.ForgetUnsaved();
        return absl::OkStatus();
      },
      nullptr, /*bytes=*/0, StoreQueue::Company::kNone);
  if (unsaved_timer_ != 0) return;
  unsaved_timer_ = loop_.After(kCheckpointAgain, [this] {
    unsaved_timer_ = 0;
    SaveEach(std::exchange(unsaved_, {}));
  });
}

size_t Orchestrator::Saving::bytes() const {
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  return bytes;
}

// All of it or nothing: no mark is stored, nor acknowledged, without the ends that lie before it.
void Orchestrator::SaveSessions(const std::set<std::string>& session_ids, Saved saved) {
  const auto saving = std::make_shared<Saving>();
  saving->session_ids = session_ids;
  for (const std::string& session_id : session_ids) AddCheckpoint(session_id, *saving);
  AddEnds(*saving);
  saving_.insert(session_ids.begin(), session_ids.end());
  store_.Post(
      [saving](Store& store) {
        return store.Save(saving->checkpoints, saving->settled, saving->put_off);
      },
      [this, alive = std::weak_ptr<bool>(alive_), saving,
       saved = std::move(saved)](const absl::Status& status) mutable {
        if (alive.expired()) return;
        for (const std::string& session_id : saving->session_ids) saving_.erase(session_id);
        if (status.ok()) {
          OnSaved(*saving);
        } else {  // Unless there is a newer mark.
          for (const Checkpoint& checkpoint : saving->checkpoints) {
            applied_.try_emplace(checkpoint.session_id, checkpoint.mark);
          }
        }
        if (std::exchange(saves_again_, false)) PostSave();
        saved(status);
      },
      saving->bytes());
}

void Orchestrator::AddCheckpoint(const std::string& session_id, Saving& saving) {
  auto applied = applied_.extract(session_id);
  if (applied.empty()) return;
  Checkpoint& checkpoint = saving.checkpoints.emplace_back();
  uint64_t& round = saving.rounds.emplace_back(0);
  checkpoint.session_id = session_id;
  checkpoint.mark = std::move(applied.mapped());
  const auto open = open_.find(queues_[session_id].in_flight);
  if (open == open_.end() || open->second.outcome.has_value()) return;
  const OpenTell& tell = open->second;
  round = tell.text_round;
  checkpoint.tell_id = open->first;
  checkpoint.void_before = tell.stored_text_is_void;
  checkpoint.text_at = tell.stored_bytes;
  checkpoint.text = saving.texts.emplace_back(tell.answer, tell.stored_bytes);
}

std::shared_ptr<const std::string> Orchestrator::OpenTell::TakeAnswer() {
  if (whole_answer == nullptr) {
    whole_answer = std::make_shared<const std::string>(std::move(answer));
    answer.clear();
  }
  return whole_answer;
}

void Orchestrator::AddEnds(Saving& saving) {
  for (const std::string& tell_id : ended_) {
    OpenTell& tell = open_[tell_id];
    if (saving.session_ids.count(tell.session_id) == 0) continue;
    if (tell.put_off_until.has_value()) {
      saving.put_off.push_back({tell_id, *tell.put_off_until, tell.limit_waits + 1});
      continue;
    }
    const std::string& answer = *saving.answers.emplace_back(tell.TakeAnswer());
    saving.settled.push_back({.tell_id = tell_id,
                              .outcome = *tell.outcome,
                              .answer = answer,
                              .structured_bytes = tell.structured_bytes,
                              .account = tell.account,
                              .cancel_on_host = tell.cancel_on_host});
  }
}

void Orchestrator::OnSaved(const Saving& saving) {
  for (size_t i = 0; i < saving.checkpoints.size(); ++i) {
    OnCheckpointStored(saving.checkpoints[i], saving.rounds[i]);
  }
  std::set<std::string> over;
  for (const Postponement& put_off : saving.put_off) over.insert(put_off.tell_id);
  for (const Settlement& settlement : saving.settled) over.insert(settlement.tell_id);
  std::erase_if(ended_, [&over](const std::string& tell_id) { return over.count(tell_id) > 0; });
  for (const Postponement& put_off : saving.put_off) {
    OnPutOff(put_off.tell_id, open_[put_off.tell_id]);
  }
  std::vector<std::pair<std::string, OpenTell>> settled;
  for (const Settlement& settlement : saving.settled) {
    sent_again_.erase(IdOnHost(settlement.tell_id, open_[settlement.tell_id].limit_waits));
    settled.emplace_back(settlement.tell_id, std::move(open_.extract(settlement.tell_id).mapped()));
  }
  OnStored(std::move(settled));
}

void Orchestrator::OnCheckpointStored(const Checkpoint& checkpoint, uint64_t round) {
  Queue& queue = queues_[checkpoint.session_id];
  if (queue.session != nullptr) queue.session->Acknowledge(checkpoint.mark);
  const auto open = open_.find(checkpoint.tell_id);
  // What became void meanwhile is so in the store too, until the next time.
  if (open == open_.end() || open->second.text_round != round) return;
  open->second.stored_text_is_void = false;
  open->second.stored_bytes += checkpoint.text.size();
}

void Orchestrator::Note(std::string what, StoreQueue::Write write) {
  store_.Post(std::move(write), [what = std::move(what)](const absl::Status& noted) {
    if (!noted.ok()) LogWarn(what, ": ", noted.message());
  });
}

void Orchestrator::OnStored(std::vector<std::pair<std::string, OpenTell>> settled) {
  for (auto& [tell_id, tell] : settled) {
    Queue& queue = queues_[tell.session_id];
    if (queue.in_flight == tell_id) queue.in_flight.clear();
    PostStartNext(tell.session_id);
    const TellOutcome outcome{.status = *tell.outcome,
                              .answer = tell.TakeAnswer(),
                              .duration = store_.Now() - tell.accepted_at,
                              .structured_bytes = tell.structured_bytes,
                              .account = tell.account};
    queue.last_turn = tell.account;
    for (TellObserver* observer : tell.observers) observer->OnSettled(outcome);
    if (tell.cancels.empty()) continue;
    if (KindOf(outcome.status) == v1::FAILURE_CANCELLED) MarkFetched(tell_id);
    AnswerAll(tell.cancels, ResponseFor(outcome.status));
  }
}

// The host has it, and so have we: who waits is told why it takes longer.
void Orchestrator::OnNotStored(const std::string& session_id, const absl::Status& why) {
  unsaved_.insert(session_id);
  const v1::TellProgress progress =
      NotStoredProgress("it is over, which cannot be stored yet", why);
  for (const std::string& tell_id : std::vector<std::string>(ended_)) {
    OpenTell& tell = open_[tell_id];
    if (tell.session_id != session_id) continue;
    const bool is_news = !tell.progress.has_value() || tell.progress->text() != progress.text();
    std::vector<CancelDone> cancels = std::exchange(tell.cancels, {});
    if (is_news) SetProgress(tell_id, progress);
    AnswerAll(cancels, Annotate(why, "the message is over, which cannot be stored yet"));
  }
}

}  // namespace iris
