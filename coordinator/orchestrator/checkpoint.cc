// What was read of sessions is stored every kCheckpointEvery, and at once where a tell is over, in
// one transaction with how it ended. Only then it is acknowledged, and only then whoever waits
// hears of the end: whoever reads the sessions next, in this life or another, goes on from there.

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/exhausted.h"
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

void Orchestrator::OnSessionApplied(const std::string& session_id, const ReadMark& mark) {
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
  if (session_ids.empty()) return;
  const absl::Status saved = SaveSessions(session_ids);
  if (saved.ok()) return;
  if (unsaved_.empty()) {
    LogError("what was read of ", session_ids.size(), " sessions to store: ", saved.message());
  }
  if (session_ids.size() > 1) return SaveEach(session_ids);
  OnNotStored(*session_ids.begin(), saved);
  SaveEach({});
}

// An answer for which there is no room must not hold up those for which there is, now or later:
// each session for itself, and those that do not fit again after a while.
void Orchestrator::SaveEach(const std::set<std::string>& session_ids) {
  for (const std::string& session_id : session_ids) {
    const absl::Status saved = SaveSessions({session_id});
    if (!saved.ok()) OnNotStored(session_id, saved);
  }
  if (unsaved_.empty()) return;
  store_.ForgetUnsaved();
  if (unsaved_timer_ != 0) return;
  unsaved_timer_ = loop_.After(kCheckpointAgain, [this] {
    unsaved_timer_ = 0;
    SaveEach(std::exchange(unsaved_, {}));
  });
}

// All of it or nothing: no mark is stored, nor acknowledged, without the ends that lie before it.
absl::Status Orchestrator::SaveSessions(const std::set<std::string>& session_ids) {
  std::vector<Checkpoint> checkpoints;
  for (const std::string& session_id : session_ids) {
    const auto applied = applied_.find(session_id);
    if (applied == applied_.end()) continue;
    Checkpoint& checkpoint = checkpoints.emplace_back();
    checkpoint.session_id = session_id;
    checkpoint.mark = applied->second;
    const auto open = open_.find(queues_[session_id].in_flight);
    if (open == open_.end() || open->second.outcome.has_value()) continue;
    checkpoint.tell_id = open->first;
    checkpoint.void_before = open->second.stored_text_is_void;
    checkpoint.text_at = open->second.stored_bytes;
    checkpoint.text = absl::string_view(open->second.answer).substr(open->second.stored_bytes);
  }
  Ends ends = EndsOf(session_ids);
  absl::Status saved = store_.Save(checkpoints, ends.settled, ends.put_off);
  if (!saved.ok()) return saved;
  for (const Checkpoint& checkpoint : checkpoints) {
    applied_.erase(checkpoint.session_id);
    Queue& queue = queues_[checkpoint.session_id];
    if (queue.session != nullptr) queue.session->Acknowledge(checkpoint.mark);
    const auto open = open_.find(checkpoint.tell_id);
    if (open == open_.end()) continue;
    open->second.stored_text_is_void = false;
    open->second.stored_bytes += checkpoint.text.size();
  }
  ended_ = std::move(ends.others);
  for (const Postponement& put_off : ends.put_off)
    OnPutOff(put_off.tell_id, open_[put_off.tell_id]);
  std::vector<std::pair<std::string, OpenTell>> settled;
  for (const Settlement& settlement : ends.settled) {
    sent_again_.erase(IdOnHost(settlement.tell_id, open_[settlement.tell_id].limit_waits));
    settled.emplace_back(settlement.tell_id, std::move(open_.extract(settlement.tell_id).mapped()));
  }
  OnStored(std::move(settled));
  return absl::OkStatus();
}

Orchestrator::Ends Orchestrator::EndsOf(const std::set<std::string>& session_ids) {
  Ends ends;
  for (const std::string& tell_id : ended_) {
    const OpenTell& tell = open_[tell_id];
    if (session_ids.count(tell.session_id) == 0) {
      ends.others.push_back(tell_id);
    } else if (tell.put_off_until.has_value()) {
      ends.put_off.push_back({tell_id, *tell.put_off_until, tell.limit_waits + 1});
    } else {
      ends.settled.push_back({.tell_id = tell_id,
                              .outcome = *tell.outcome,
                              .answer = tell.answer,
                              .structured_bytes = tell.structured_bytes,
                              .account = tell.account,
                              .cancel_on_host = tell.cancel_on_host});
    }
  }
  return ends;
}

void Orchestrator::OnStored(std::vector<std::pair<std::string, OpenTell>> settled) {
  for (auto& [tell_id, tell] : settled) {
    Queue& queue = queues_[tell.session_id];
    if (queue.in_flight == tell_id) queue.in_flight.clear();
    PostStartNext(tell.session_id);
    const TellOutcome outcome{.status = *tell.outcome,
                              .answer = std::make_shared<const std::string>(std::move(tell.answer)),
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

// Room on a disk comes back; the limit on the size of a file stays as long as this process.
void Orchestrator::GiveUpAnswer(OpenTell& tell, const absl::Status& why) {
  if (tell.answer.empty() || tell.put_off_until.has_value()) return;
  tell.outcome =
      Annotate(why, absl::StrCat("the answer of ", tell.answer.size(), " bytes is lost"));
  tell.answer.clear();
  tell.structured_bytes = 0;
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
    // The first time earlier writes may be in the way, which ForgetUnsaved() clears away.
    if (std::exchange(tell.was_not_stored, true) && IsOfFileSize(why)) GiveUpAnswer(tell, why);
    AnswerAll(cancels, Annotate(why, "the message is over, which cannot be stored yet"));
  }
}

}  // namespace iris
