#include "coordinator/store/testing/memory_store.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/store/store_trouble.h"

namespace iris {
namespace {

constexpr size_t kListedMax = 1000;
constexpr size_t kPreviewBytesMax = 120;

std::string Preview(absl::string_view text) {
  return std::string(Utf8Prefix(text, kPreviewBytesMax));
}

absl::Status Failed(absl::string_view what, StoreTrouble trouble = StoreTrouble::kStorage) {
  return WithTrouble(MakeFailure(v1::FAILURE_STORAGE, absl::StrCat("the store fails: ", what),
                                 "Free space on that disk."),
                     trouble);
}

std::string AnswerKey(absl::string_view team, absl::string_view way) {
  return absl::StrCat(team, "\n", way);
}

}  // namespace

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk, MemoryStoreOptions options)
    : disk_(std::move(disk)), options_(std::move(options)) {
  if (disk_->coordinator_id.empty()) disk_->coordinator_id = NewUuid();
  const absl::Time now = options_.now();
  const bool is_new = disk_->age_saved_at == absl::InfinitePast();
  age_ = AgeClock(options_.monotonic, disk_->age, is_new ? now : disk_->age_saved_at, now);
  if (!KeepHouse().ok()) std::abort();  // No write fails before on_write_ is set.
}

absl::Status MemoryStore::Write(absl::string_view method, absl::FunctionRef<absl::Status()> change,
                                bool is_synced) {
  if (in_group_) return change();
  const Fate fate = on_write_ ? on_write_(method) : Fate::kGoesWell;
  if (fate == Fate::kFails) return Failed(method);
  const MemoryDisk before = *disk_;
  const absl::Status changed = change();
  if (!changed.ok()) {
    *disk_ = before;
    return changed;
  }
  if (is_synced) {
    disk_->synced = nullptr;
  } else if (disk_->synced == nullptr) {
    disk_->synced = std::make_shared<const MemoryDisk>(before);
  }
  return fate == Fate::kGoesWell ? changed : Failed(method);
}

absl::Status MemoryStore::WriteGroup(absl::FunctionRef<absl::Status()> writes) {
  in_group_ = true;
  absl::Status written = writes();
  in_group_ = false;
  return written;
}

absl::Status MemoryStore::Together(absl::FunctionRef<absl::Status()> writes) {
  return Write("Together", [&] { return WriteGroup(writes); });
}

absl::Status MemoryStore::TogetherUnsynced(absl::FunctionRef<absl::Status()> writes) {
  return Write(
      "TogetherUnsynced", [&] { return WriteGroup(writes); }, /*is_synced=*/false);
}

absl::Status MemoryStore::Sync() {
  if (IsSynced()) return absl::OkStatus();
  return Write("Sync", [] { return absl::OkStatus(); });
}

absl::Time MemoryStore::Moment() const {
  return absl::FromUnixMillis(absl::ToUnixMillis(options_.now()));
}

MemoryStore::Tell* MemoryStore::Find(absl::string_view tell_id) {
  const auto found = disk_->tells.find(std::string(tell_id));
  return found == disk_->tells.end() ? nullptr : &found->second;
}

std::vector<MemoryStore::Tell*> MemoryStore::InOrder() {
  std::vector<Tell*> tells;
  for (auto& [id, tell] : disk_->tells) tells.push_back(&tell);
  std::sort(tells.begin(), tells.end(),
            [](const Tell* a, const Tell* b) { return a->order < b->order; });
  return tells;
}

absl::StatusOr<StoredSession> MemoryStore::GetOrCreateSession(absl::string_view from,
                                                              absl::string_view to) {
  for (const auto& [id, session] : disk_->sessions) {
    if (session.from == from && session.to == to) return session;
  }
  StoredSession session{.session_id = NewUuid(),
                        .from = std::string(from),
                        .to = std::string(to),
                        .created_at = Moment()};
  const absl::Status added = Write("GetOrCreateSession", [&] {
    disk_->sessions[session.session_id] = session;
    return absl::OkStatus();
  });
  if (!added.ok()) return added;
  session.is_new = true;
  return session;
}

absl::StatusOr<std::vector<StoredSession>> MemoryStore::Sessions() {
  std::vector<StoredSession> sessions;
  for (const auto& [id, session] : disk_->sessions) sessions.push_back(session);
  std::stable_sort(sessions.begin(), sessions.end(),
                   [](const StoredSession& a, const StoredSession& b) {
                     return std::make_pair(a.last_used_at, a.created_at) >
                            std::make_pair(b.last_used_at, b.created_at);
                   });
  return sessions;
}

absl::Status MemoryStore::AddTell(const NewTell& tell) {
  return Write("AddTell", [&] {
    if (const Tell* const there = Find(tell.tell_id); there != nullptr) {
      const bool is_same =
          there->stored.session_id == tell.session_id && there->stored.text == tell.text;
      return is_same ? absl::OkStatus() : Failed("AddTell", StoreTrouble::kConflict);
    }
    const auto session = disk_->sessions.find(tell.session_id);
    if (session == disk_->sessions.end()) return Failed("AddTell", StoreTrouble::kConflict);
    session->second.last_used_at = Moment();
    Tell& added = disk_->tells[tell.tell_id];
    added.order = ++disk_->last_order;
    added.preview = Preview(tell.text);
    added.stored = {.tell_id = tell.tell_id,
                    .session_id = tell.session_id,
                    .from = session->second.from,
                    .to = session->second.to,
                    .text = tell.text,
                    .state = tell.state,
                    .accepted_at = Moment(),
                    .wait_for_limit = tell.wait_for_limit,
                    .wait_for_host = tell.wait_for_host,
                    .way = tell.way};
    return absl::OkStatus();
  });
}

absl::StatusOr<absl::optional<StoredTell>> MemoryStore::FindTell(absl::string_view tell_id) {
  const Tell* const tell = Find(tell_id);
  if (tell == nullptr) return absl::optional<StoredTell>();
  ++found_;
  StoredTell stored = tell->stored;
  const bool is_settled = stored.state == TellState::kSettled;
  stored.fetched = is_settled && !tell->unfetched_since.has_value();
  return absl::make_optional(std::move(stored));
}

absl::Status MemoryStore::MarkRunning(absl::string_view tell_id) {
  return Write("MarkRunning", [&] {
    Tell* const tell = Find(tell_id);
    if (tell != nullptr && tell->stored.state == TellState::kQueued) {
      tell->stored.state = TellState::kRunning;
    }
    return absl::OkStatus();
  });
}

absl::Status MemoryStore::MarkQueued(absl::string_view tell_id) {
  return Write("MarkQueued", [&] {
    Tell* const tell = Find(tell_id);
    if (tell != nullptr && tell->stored.state == TellState::kRunning) {
      tell->stored.state = TellState::kQueued;
    }
    return absl::OkStatus();
  });
}

absl::Status MemoryStore::Save(const std::vector<Checkpoint>& checkpoints,
                               const std::vector<Settlement>& settlements,
                               const std::vector<Postponement>& postponements) {
  return Write("Save", [&] {
    for (const Checkpoint& checkpoint : checkpoints) {
      if (absl::Status saved = SaveCheckpoint(checkpoint); !saved.ok()) return saved;
    }
    for (const Postponement& postponement : postponements) {
      Tell* const tell = Find(postponement.tell_id);
      if (tell == nullptr) return Failed("Save", StoreTrouble::kConflict);
      tell->stored.not_before = absl::FromUnixMillis(absl::ToUnixMillis(postponement.not_before));
      tell->stored.limit_waits = postponement.waits;
      if (tell->stored.state == TellState::kRunning) tell->stored.state = TellState::kQueued;
      tell->pieces.clear();
    }
    for (const Settlement& settlement : settlements) Settle(settlement);
    TrimSettled();
    return absl::OkStatus();
  });
}

absl::Status MemoryStore::SaveCheckpoint(const Checkpoint& checkpoint) {
  if (disk_->sessions.count(checkpoint.session_id) == 0) {
    return Failed("Save", StoreTrouble::kConflict);
  }
  disk_->marks[checkpoint.session_id] = checkpoint.mark;
  Tell* const tell = Find(checkpoint.tell_id);
  if (tell != nullptr && checkpoint.void_before) tell->pieces.clear();
  if (checkpoint.text.empty()) return absl::OkStatus();
  if (tell == nullptr) return Failed("Save", StoreTrouble::kConflict);
  tell->pieces[checkpoint.text_at] = std::string(checkpoint.text);
  return absl::OkStatus();
}

void MemoryStore::Settle(const Settlement& settlement) {
  Tell* const tell = Find(settlement.tell_id);
  if (tell == nullptr || tell->stored.state == TellState::kSettled) return;
  if (settlement.stored_bytes > 0) {
    std::string stored;
    for (const auto& [at, piece] : tell->pieces) stored += piece;
    const absl::string_view said = settlement.answer.substr(0, settlement.stored_bytes);
    // Who says that a part is stored must be right.
    if (stored.substr(0, settlement.stored_bytes) != said) std::abort();
  }
  tell->stored.state = TellState::kSettled;
  tell->stored.outcome = settlement.outcome;
  tell->stored.answer = std::string(settlement.answer);
  tell->stored.structured_bytes = settlement.structured_bytes;
  tell->stored.account = settlement.account;
  tell->stored.settled_at = Moment();
  tell->answer_bytes = settlement.answer.size();
  tell->answer_preview = Preview(settlement.answer);
  tell->settled_seq = ++disk_->last_settled_seq;
  tell->unfetched_since = age_.Age();
  tell->pieces.clear();
  StoredSession& session = disk_->sessions[tell->stored.session_id];
  ++session.message_count;
  session.last_used_at = Moment();
  if (!settlement.cancel_on_host.empty()) AddCancel(settlement.tell_id, settlement.cancel_on_host);
}

void MemoryStore::AddCancel(absl::string_view tell_id, absl::string_view id_on_host) {
  const Tell* const tell = Find(tell_id);
  if (tell == nullptr) return;
  MemoryDisk::Cancel& cancel = disk_->cancels[tell->stored.tell_id];
  if (cancel.id_on_host == id_on_host) return;
  cancel = {.id_on_host = std::string(id_on_host),
            .host = disk_->marks[tell->stored.session_id].host.key};
}

void MemoryStore::TrimSettled() {
  std::vector<Tell*> kept;
  for (Tell* const tell : InOrder()) {
    if (tell->settled_seq != 0 && !tell->stored.dropped) kept.push_back(tell);
  }
  std::sort(kept.begin(), kept.end(),
            [](const Tell* a, const Tell* b) { return a->settled_seq < b->settled_seq; });
  while (kept.size() > 1 && static_cast<int64_t>(kept.size()) > options_.settled_tells_max) {
    auto first = std::find_if(kept.begin(), kept.end(),
                              [](const Tell* tell) { return !tell->unfetched_since.has_value(); });
    if (first == kept.end()) {
      Drop(*kept.front(), "for want of room");
      first = kept.begin();
    } else {
      Forget((*first)->stored.tell_id);
    }
    kept.erase(first);
  }
}

void MemoryStore::Drop(Tell& tell, absl::string_view why) {
  tell.stored.dropped = true;
  tell.stored.text.clear();
  tell.stored.answer.clear();
  tell.stored.structured_bytes = 0;
  tell.answer_bytes = 0;
  tell.answer_preview.clear();
  if (tell.stored.outcome.ok()) tell.stored.outcome = Failed(absl::StrCat("it was dropped ", why));
}

void MemoryStore::Forget(const std::string& tell_id) {
  disk_->tells.erase(tell_id);
  disk_->cancels.erase(tell_id);
}

absl::StatusOr<ReadMark> MemoryStore::FindMark(absl::string_view session_id) {
  const auto found = disk_->marks.find(std::string(session_id));
  return found == disk_->marks.end() ? ReadMark() : found->second;
}

absl::StatusOr<std::string> MemoryStore::FindText(absl::string_view tell_id) {
  std::string text;
  const Tell* const tell = Find(tell_id);
  if (tell == nullptr) return text;
  for (const auto& [at, piece] : tell->pieces) text += piece;
  return text;
}

absl::Status MemoryStore::NoteAnswer(absl::string_view team, absl::string_view way) {
  return Write("NoteAnswer", [&] {
    disk_->answers[AnswerKey(team, way)] = Moment();
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> MemoryStore::HasAnswered(absl::string_view team, absl::string_view way) {
  const auto found = disk_->answers.find(AnswerKey(team, way));
  return found != disk_->answers.end() && found->second >= Moment() - kAnswerCounts;
}

absl::Status MemoryStore::NotePlaced(const Placed& agent) {
  return Write("NotePlaced", [&] {
    MemoryDisk::Place& place = disk_->places[agent.place];
    place = {.agent = agent};
    place.agent.at = Moment();
    if (disk_->places.size() > kPlacedMax) {
      const auto oldest = std::min_element(
          disk_->places.begin(), disk_->places.end(),
          [](const auto& a, const auto& b) { return a.second.agent.at < b.second.agent.at; });
      disk_->places.erase(oldest);
    }
    return absl::OkStatus();
  });
}

absl::Status MemoryStore::NoteTriedPlaces(const std::vector<std::string>& places) {
  return Write("NoteTriedPlaces", [&] {
    for (const std::string& name : places) {
      const auto found = disk_->places.find(name);
      if (found != disk_->places.end()) found->second.tried_at = Moment();
    }
    return absl::OkStatus();
  });
}

absl::Status MemoryStore::ForgetPlaced(absl::string_view place) {
  return Write("ForgetPlaced", [&] {
    disk_->places.erase(std::string(place));
    std::erase_if(disk_->cancels, [&](const auto& entry) { return entry.second.host == place; });
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Store::Placed>> MemoryStore::AllPlaced() {
  std::vector<MemoryDisk::Place> places;
  for (const auto& [name, place] : disk_->places) places.push_back(place);
  std::sort(places.begin(), places.end(),
            [](const MemoryDisk::Place& a, const MemoryDisk::Place& b) {
              return a.tried_at != b.tried_at ? a.tried_at < b.tried_at : a.agent.at > b.agent.at;
            });
  std::vector<Placed> all;
  for (const MemoryDisk::Place& place : places) all.push_back(place.agent);
  return all;
}

absl::StatusOr<std::vector<std::string>> MemoryStore::OpenTells() {
  std::vector<std::string> ids;
  for (const Tell* const tell : InOrder()) {
    if (tell->settled_seq == 0) ids.push_back(tell->stored.tell_id);
  }
  return ids;
}

absl::Status MemoryStore::NoteCancel(absl::string_view tell_id, absl::string_view id_on_host) {
  return Write("NoteCancel", [&] {
    AddCancel(tell_id, id_on_host);
    return absl::OkStatus();
  });
}

absl::Status MemoryStore::ForgetCancel(absl::string_view id_on_host) {
  return Write("ForgetCancel", [&] {
    std::erase_if(disk_->cancels,
                  [&](const auto& entry) { return entry.second.id_on_host == id_on_host; });
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Store::PendingCancel>> MemoryStore::Cancels() {
  std::vector<PendingCancel> cancels;
  for (const Tell* const tell : InOrder()) {
    const auto found = disk_->cancels.find(tell->stored.tell_id);
    if (found == disk_->cancels.end()) continue;
    cancels.push_back({.tell_id = found->first,
                       .id_on_host = found->second.id_on_host,
                       .host = found->second.host,
                       .session_id = tell->stored.session_id,
                       .from = tell->stored.from,
                       .to = tell->stored.to});
  }
  return cancels;
}

absl::Status MemoryStore::MarkFetched(absl::string_view tell_id) {
  return Write("MarkFetched", [&] {
    if (Tell* const tell = Find(tell_id); tell != nullptr) tell->unfetched_since.reset();
    return absl::OkStatus();
  });
}

StoredTellSummary MemoryStore::SummaryOf(const Tell& tell) {
  StoredTellSummary summary{.tell_id = tell.stored.tell_id,
                            .from = tell.stored.from,
                            .to = tell.stored.to,
                            .state = tell.stored.state,
                            .accepted_at = tell.stored.accepted_at,
                            .preview = tell.preview};
  if (tell.settled_seq == 0) return summary;
  summary.fetched = !tell.unfetched_since.has_value();
  summary.dropped = tell.stored.dropped;
  summary.outcome = tell.stored.outcome;
  summary.answer_bytes = tell.answer_bytes;
  summary.settled_at = tell.stored.settled_at;
  summary.answer_preview = tell.answer_preview;
  summary.account = tell.stored.account;
  return summary;
}

absl::StatusOr<std::vector<StoredTellSummary>> MemoryStore::Summaries(absl::string_view from,
                                                                      bool all) {
  std::vector<StoredTellSummary> summaries;
  for (const Tell* const tell : InOrder()) {
    const bool is_news = tell->settled_seq == 0 || tell->unfetched_since.has_value();
    const bool is_asked_for = from.empty() || tell->stored.from == from;
    if ((all || is_news) && is_asked_for) summaries.push_back(SummaryOf(*tell));
  }
  if (summaries.size() > kListedMax) {
    summaries.erase(summaries.begin(), summaries.end() - kListedMax);
  }
  return summaries;
}

absl::StatusOr<absl::optional<StoredTellSummary>> MemoryStore::FindSummary(
    absl::string_view tell_id) {
  const Tell* const tell = Find(tell_id);
  if (tell == nullptr) return absl::optional<StoredTellSummary>();
  return absl::make_optional(SummaryOf(*tell));
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> MemoryStore::Unfetched(absl::string_view from) {
  std::vector<WaitingAnswer> answers;
  for (const Tell* const tell : InOrder()) {
    if (!tell->unfetched_since.has_value() || tell->stored.dropped) continue;
    if (tell->stored.from != from) continue;
    answers.push_back({.tell_id = tell->stored.tell_id, .to = tell->stored.to});
  }
  return answers;
}

absl::Status MemoryStore::KeepHouse() {
  return Write("KeepHouse", [&] {
    const absl::Duration now = age_.Age();
    disk_->age = now;
    disk_->age_saved_at = options_.now();
    std::vector<Tell*> dropped;
    for (Tell* const tell : InOrder()) {
      const bool is_old = tell->unfetched_since.has_value() &&
                          *tell->unfetched_since <= now - options_.unfetched_age_max;
      if (is_old && !tell->stored.dropped) Drop(*tell, "when it was too old");
      if (tell->stored.dropped) dropped.push_back(tell);
    }
    std::sort(dropped.begin(), dropped.end(),
              [](const Tell* a, const Tell* b) { return a->settled_seq > b->settled_seq; });
    int64_t left = 0;
    for (const Tell* const tell : dropped) {
      const bool is_young = tell->unfetched_since.has_value() &&
                            *tell->unfetched_since > now - 2 * options_.unfetched_age_max;
      if (!is_young || ++left > options_.dropped_tells_max) {
        Forget(std::string(tell->stored.tell_id));
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace iris
