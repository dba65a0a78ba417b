#include "coordinator/orchestrator/checkpoints.h"

#include <set>
#include <utility>

#include "common/log/log.h"

namespace iris {

Checkpoints::~Checkpoints() {
  loop_.Cancel(checkpoint_timer_);
  loop_.Cancel(unsaved_timer_);
}

void Checkpoints::Read(const std::string& session_id, const ReadMark& mark) {
  read_[session_id] = mark;
  if (checkpoint_timer_ != 0) return;
  checkpoint_timer_ = loop_.After(kEvery, [this] {
    checkpoint_timer_ = 0;
    Save();
  });
}

void Checkpoints::End(const std::string& session_id, const std::string& tell_id) {
  ended_.emplace_back(session_id, tell_id);
  PostSave();
}

void Checkpoints::PostSave() {
  if (std::exchange(save_posted_, true)) return;
  loop_.Post([this, alive = alive_.Watch()] {
    if (!alive) return;
    save_posted_ = false;
    Save();
  });
}

void Checkpoints::SaveAll() {
  unsaved_.clear();
  Save();
}

void Checkpoints::Forget() {
  read_.clear();
  ended_.clear();
  unsaved_.clear();
}

void Checkpoints::Save() {
  std::set<std::string> session_ids;
  for (const auto& [session_id, mark] : read_) session_ids.insert(session_id);
  for (const auto& [session_id, tell_id] : ended_) session_ids.insert(session_id);
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
    OnNotSaved(*session_ids.begin(), saved);
    SaveUnsavedLater();
  });
}

// An answer for which there is no room must not hold up those for which there is, now or later:
// each session for itself, and those that do not fit again after a while.
void Checkpoints::SaveEach(const std::set<std::string>& session_ids) {
  const auto left = std::make_shared<size_t>(session_ids.size());
  for (const std::string& session_id : session_ids) {
    SaveSessions({session_id}, [this, session_id, left](const absl::Status& saved) {
      if (!saved.ok()) OnNotSaved(session_id, saved);
      if (--*left == 0) SaveUnsavedLater();
    });
  }
}

void Checkpoints::SaveUnsavedLater() {
  if (unsaved_.empty()) return;
  store_.Post(
      [](Store& store) {
        store.ForgetUnsaved();
        return absl::OkStatus();
      },
      nullptr, /*bytes=*/0, StoreQueue::Company::kNone);
  if (unsaved_timer_ != 0) return;
  unsaved_timer_ = loop_.After(kAgain, [this] {
    unsaved_timer_ = 0;
    SaveEach(std::exchange(unsaved_, {}));
  });
}

// All of it or nothing: no mark is stored, nor acknowledged, without the ends that lie before it.
void Checkpoints::SaveSessions(const std::set<std::string>& session_ids, Saved saved) {
  const auto saving = std::make_shared<Saving>();
  saving->session_ids = session_ids;
  for (const std::string& session_id : session_ids) AddCheckpoint(session_id, *saving);
  AddEnds(*saving);
  saving_.insert(session_ids.begin(), session_ids.end());
  store_.Post(
      [saving](Store& store) {
        return store.Save(saving->checkpoints, saving->settled, saving->put_off);
      },
      [this, alive = alive_.Watch(), saving,
       saved = std::move(saved)](const absl::Status& status) mutable {
        if (!alive) return;
        for (const std::string& session_id : saving->session_ids) saving_.erase(session_id);
        if (status.ok()) {
          OnSaved(*saving);
        } else {  // Unless there is a newer mark.
          for (const Checkpoint& checkpoint : saving->checkpoints) {
            read_.try_emplace(checkpoint.session_id, checkpoint.mark);
          }
        }
        if (std::exchange(saves_again_, false)) PostSave();
        saved(status);
      });
}

void Checkpoints::AddCheckpoint(const std::string& session_id, Saving& saving) {
  auto read = read_.extract(session_id);
  if (read.empty()) return;
  Checkpoint& checkpoint = saving.checkpoints.emplace_back();
  uint64_t& round = saving.rounds.emplace_back(0);
  checkpoint.session_id = session_id;
  checkpoint.mark = std::move(read.mapped());
  absl::optional<UnsavedText> unsaved = owner_.UnsavedTextOf(session_id);
  if (!unsaved.has_value()) return;
  round = unsaved->round;
  checkpoint.tell_id = std::move(unsaved->tell_id);
  checkpoint.void_before = unsaved->void_before;
  checkpoint.text_at = unsaved->text_at;
  checkpoint.text = unsaved->text;
  saving.texts.push_back(std::move(unsaved->held_by));
}

void Checkpoints::AddEnds(Saving& saving) {
  for (const auto& [session_id, tell_id] : ended_) {
    if (saving.session_ids.count(session_id) == 0) continue;
    std::variant<TellEnd, Postponement> end = owner_.OutcomeOf(tell_id);
    if (auto* const put_off = std::get_if<Postponement>(&end)) {
      saving.put_off.push_back(std::move(*put_off));
      continue;
    }
    TellEnd& over = std::get<TellEnd>(end);
    saving.texts.push_back(std::move(over.answer));
    saving.settled.push_back(std::move(over.settlement));
  }
}

void Checkpoints::OnSaved(const Saving& saving) {
  for (size_t i = 0; i < saving.checkpoints.size(); ++i) {
    const Checkpoint& checkpoint = saving.checkpoints[i];
    owner_.OnMarkStored(checkpoint.session_id, checkpoint.mark);
    if (checkpoint.tell_id.empty()) continue;
    owner_.OnTextStored(checkpoint.tell_id, checkpoint.text.size(), saving.rounds[i]);
  }
  std::vector<std::string> settled;
  for (const Settlement& settlement : saving.settled) settled.push_back(settlement.tell_id);
  std::set<std::string> over(settled.begin(), settled.end());
  for (const Postponement& put_off : saving.put_off) over.insert(put_off.tell_id);
  std::erase_if(ended_, [&over](const auto& ended) { return over.count(ended.second) > 0; });
  for (const Postponement& put_off : saving.put_off) owner_.OnPutOffStored(put_off.tell_id);
  owner_.OnEndsStored(settled);
}

void Checkpoints::OnNotSaved(const std::string& session_id, const absl::Status& why) {
  unsaved_.insert(session_id);
  std::vector<std::string> ended;
  for (const auto& [of_session, tell_id] : ended_) {
    if (of_session == session_id) ended.push_back(tell_id);
  }
  owner_.OnNotStored(session_id, ended, why);
}

}  // namespace iris
