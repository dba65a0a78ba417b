#include "coordinator/store/store_queue.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

// In one transaction: who waits for the first is not to wait for ever so many.
constexpr size_t kBatchMax = 256;

absl::Status TooMuchWaits(size_t writes) {
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("the coordinator's disk does not keep up: ", writes,
                                  " writes of its store wait already"),
                     "Look at what keeps that disk busy.");
}

}  // namespace

StoreQueue::StoreQueue(EventLoop& loop, Store& store, StoreExecutor* executor)
    : loop_(loop), executor_(executor), id_(store.coordinator_id()), clock_(store), store_(store) {}

StoreQueue::~StoreQueue() {
  loop_.Cancel(sync_timer_);
  if (executor_ != nullptr) executor_->Finish();
}

// ----------------------------------------------------------------------------------- what comes

void StoreQueue::Post(Write write, Done done, size_t bytes, Company company) {
  PostItem(
      {.write = std::move(write), .done = std::move(done), .bytes = bytes, .company = company});
}

void StoreQueue::PostUnsynced(Write write, Done written, Durable durable, size_t bytes) {
  PostItem({.write = std::move(write),
            .done = std::move(written),
            .durable = std::move(durable),
            .kind = Kind::kUnsynced,
            .bytes = bytes});
}

void StoreQueue::Look(Write look, Done done, size_t bytes) {
  PostItem(
      {.write = std::move(look), .done = std::move(done), .kind = Kind::kLook, .bytes = bytes});
}

void StoreQueue::PostItem(Item item) {
  if (executor_ == nullptr) return WriteHere(std::move(item));
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    const bool is_too_much = waiting_.size() >= kWaitingMax ||
                             (waiting_bytes_ > 0 && waiting_bytes_ + item.bytes > kWaitingBytesMax);
    if (is_too_much) refused = TooMuchWaits(waiting_.size());
  }
  if (refused.ok()) {
    Add(std::move(item));
  } else if (item.done) {
    item.done(refused);
  }
}

void StoreQueue::Add(Item item) {
  {
    absl::MutexLock lock(&mutex_);
    waiting_bytes_ += item.bytes;
    waiting_.push_back(std::move(item));
    if (std::exchange(working_, true)) return;
  }
  executor_->Run([this] { Work(); });
}

absl::Status StoreQueue::WriteNow(Write write, Company company) {
  if (executor_ == nullptr) return Use([&](Store& store) { return write(store); });
  absl::Status written;
  Add({.write = std::move(write), .company = company, .to = &written});
  executor_->Finish();
  return written;
}

void StoreQueue::SyncNow() {
  {
    absl::MutexLock lock(&mutex_);
    if (unsynced_.empty()) return;
  }
  if (executor_ == nullptr) return WriteHere({.kind = Kind::kSync});
  Add({.kind = Kind::kSync});
}

// -------------------------------------------------------------------------------- what is written

void StoreQueue::Work() {
  std::vector<Item> batch = NextBatch();
  const bool is_synced = Use([&batch](Store& store) { return WriteBatch(store, batch); });
  bool is_news = false;
  {
    absl::MutexLock lock(&mutex_);
    NoteWritten(batch, is_synced);
    working_ = !waiting_.empty();
    is_news = !std::exchange(delivers_, true);
    if (working_) executor_->Run([this] { Work(); });
  }
  if (!is_news) return;
  loop_.Post([this, alive = alive_.Watch()] {
    if (alive) Deliver();
  });
}

std::vector<StoreQueue::Item> StoreQueue::NextBatch() {
  absl::MutexLock lock(&mutex_);
  std::vector<Item> batch;
  while (!waiting_.empty() && batch.size() < kBatchMax) {
    const bool is_alone = waiting_.front().company == Company::kNone;
    if (is_alone && !batch.empty()) break;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (is_alone) break;
  }
  return batch;
}

bool StoreQueue::WriteBatch(Store& store, std::vector<Item>& batch) {
  // Whatever is read alone is said to somebody. Where it cannot be synced that is not the time to
  // say so.
  if (batch.front().company == Company::kNone) (void)store.Sync();
  WriteAll(store, batch);
  const auto asks_for_sync = [](const Item& item) { return item.kind == Kind::kSync; };
  if (absl::c_any_of(batch, asks_for_sync)) {
    if (const absl::Status synced = store.Sync(); !synced.ok()) LogWarn(synced.message());
  }
  return store.IsSynced();
}

void StoreQueue::WriteAll(Store& store, std::vector<Item>& batch) {
  const auto write_all = [&] {
    for (Item& item : batch) {
      if (!item.write) continue;
      if (absl::Status written = item.write(store); !written.ok()) return written;
    }
    return absl::OkStatus();
  };
  const Kind most = absl::c_max_element(batch, [](const Item& a, const Item& b) {
                      return a.kind < b.kind;
                    })->kind;
  if (batch.size() > 1 && most >= Kind::kUnsynced) {
    const absl::Status together =
        most == Kind::kDurable ? store.Together(write_all) : store.TogetherUnsynced(write_all);
    if (together.ok()) return;
  }
  // One that does not fit must not hold up those that do. Behind one that is durable none is left
  // unsynced: who hears that the first is stored has heard of all before it.
  for (Item& item : batch) item.written = WriteOne(store, item, most == Kind::kDurable);
}

absl::Status StoreQueue::WriteOne(Store& store, Item& item, bool durable) {
  if (!item.write) return absl::OkStatus();
  if (durable || item.kind != Kind::kUnsynced) return item.write(store);
  return store.TogetherUnsynced([&] { return item.write(store); });
}

// ------------------------------------------------------------------------------- what is heard

void StoreQueue::NoteWritten(std::vector<Item>& batch, bool is_synced) {
  if (is_synced) {
    sync_failed_ = false;
    for (Durable& durable : std::exchange(unsynced_, {})) {
      news_.push_back({.durable = std::move(durable)});
    }
  }
  for (Item& item : batch) {
    waiting_bytes_ -= item.bytes;
    sync_failed_ |= item.kind == Kind::kSync && !is_synced;
    if (item.to != nullptr) *item.to = item.written;
    const bool waits = item.durable && item.written.ok();
    if (item.done) news_.push_back({.done = std::move(item.done), .written = item.written});
    if (!waits) continue;
    if (is_synced) {
      news_.push_back({.durable = std::move(item.durable)});
    } else {
      unsynced_.push_back(std::move(item.durable));
    }
  }
}

void StoreQueue::Deliver() {
  std::vector<News> news;
  {
    absl::MutexLock lock(&mutex_);
    delivers_ = false;
    news.swap(news_);
  }
  const AliveWatch alive = alive_.Watch();
  for (News& one : news) {
    if (one.done) one.done(one.written);
    if (one.durable) one.durable();
  }
  if (alive) SyncLater();
}

void StoreQueue::WriteHere(Item item) {
  std::vector<Item> batch;
  const bool is_waited_for = item.durable != nullptr;
  batch.push_back(std::move(item));
  if (is_waited_for) batch.push_back({.kind = Kind::kSync});
  const bool is_synced = Use([&batch](Store& store) { return WriteBatch(store, batch); });
  {
    absl::MutexLock lock(&mutex_);
    NoteWritten(batch, is_synced);
  }
  Deliver();
}

// Somebody may wait for that.
void StoreQueue::SyncLater() {
  if (sync_timer_ != 0) return;
  absl::Duration delay;
  {
    absl::MutexLock lock(&mutex_);
    if (unsynced_.empty()) return;
    delay = sync_failed_ ? kSyncAgain : kSyncWithin;
  }
  sync_timer_ = loop_.After(delay, [this] {
    sync_timer_ = 0;
    SyncNow();
  });
}

void StoreQueue::Finish() {
  if (executor_ == nullptr) return;
  for (bool has_synced = false; true;) {
    executor_->Finish();
    Deliver();
    bool is_all = false;
    {
      absl::MutexLock lock(&mutex_);
      is_all = waiting_.empty() && news_.empty();
      if (is_all && (has_synced || unsynced_.empty())) return;
    }
    if (!is_all) continue;
    Add({.kind = Kind::kSync});
    has_synced = true;
  }
}

// ----------------------------------------------------------------------------- the store's methods

// What it would be given calls this queue, which would wait for itself.
absl::Status StoreQueue::Together(absl::FunctionRef<absl::Status()>) {
  EndByBug("writes of a store's queue are to happen together");
}

absl::Status StoreQueue::TogetherUnsynced(absl::FunctionRef<absl::Status()>) {
  EndByBug("writes of a store's queue are to happen together");
}

bool StoreQueue::IsSynced() const {
  return Use([](Store& store) { return store.IsSynced(); });
}

absl::Status StoreQueue::Sync() {
  return Use([](Store& store) { return store.Sync(); });
}

absl::StatusOr<StoredSession> StoreQueue::GetOrCreateSession(absl::string_view from,
                                                             absl::string_view to) {
  return Use([&](Store& store) { return store.GetOrCreateSession(from, to); });
}

absl::StatusOr<std::vector<StoredSession>> StoreQueue::Sessions() {
  return Use([](Store& store) { return store.Sessions(); });
}

absl::Status StoreQueue::AddTell(const NewTell& tell) {
  return WriteNow([&](Store& store) { return store.AddTell(tell); });
}

absl::StatusOr<absl::optional<StoredTell>> StoreQueue::FindTell(absl::string_view tell_id) {
  return Use([&](Store& store) { return store.FindTell(tell_id); });
}

absl::Status StoreQueue::MarkRunning(absl::string_view tell_id) {
  return WriteNow([&](Store& store) { return store.MarkRunning(tell_id); });
}

absl::Status StoreQueue::MarkQueued(absl::string_view tell_id) {
  return WriteNow([&](Store& store) { return store.MarkQueued(tell_id); });
}

absl::Status StoreQueue::Save(const std::vector<Checkpoint>& checkpoints,
                              const std::vector<Settlement>& settlements,
                              const std::vector<Postponement>& postponements) {
  return WriteNow(
      [&](Store& store) { return store.Save(checkpoints, settlements, postponements); });
}

void StoreQueue::ForgetUnsaved() {
  (void)WriteNow(
      [](Store& store) {
        store.ForgetUnsaved();
        return absl::OkStatus();
      },
      Company::kNone);
}

absl::StatusOr<ReadMark> StoreQueue::FindMark(absl::string_view session_id) {
  return Use([&](Store& store) { return store.FindMark(session_id); });
}

absl::StatusOr<std::string> StoreQueue::FindText(absl::string_view tell_id) {
  return Use([&](Store& store) { return store.FindText(tell_id); });
}

absl::Status StoreQueue::NoteAnswer(absl::string_view team, absl::string_view way) {
  return WriteNow([&](Store& store) { return store.NoteAnswer(team, way); });
}

absl::StatusOr<bool> StoreQueue::HasAnswered(absl::string_view team, absl::string_view way) {
  return Use([&](Store& store) { return store.HasAnswered(team, way); });
}

absl::Status StoreQueue::NotePlaced(const Placed& agent) {
  return WriteNow([&](Store& store) { return store.NotePlaced(agent); });
}

absl::Status StoreQueue::NoteTriedPlaces(const std::vector<std::string>& places) {
  return WriteNow([&](Store& store) { return store.NoteTriedPlaces(places); });
}

absl::Status StoreQueue::ForgetPlaced(absl::string_view place) {
  return WriteNow([&](Store& store) { return store.ForgetPlaced(place); });
}

absl::StatusOr<std::vector<Store::Placed>> StoreQueue::AllPlaced() {
  absl::StatusOr<std::vector<Placed>> placed;
  const absl::Status read = WriteNow(
      [&placed](Store& store) {
        placed = store.AllPlaced();
        return placed.status();
      },
      Company::kNone);
  if (!read.ok()) return read;
  return placed;
}

absl::StatusOr<std::vector<std::string>> StoreQueue::OpenTells() {
  return Use([](Store& store) { return store.OpenTells(); });
}

absl::Status StoreQueue::NoteCancel(absl::string_view tell_id, absl::string_view id_on_host) {
  return WriteNow([&](Store& store) { return store.NoteCancel(tell_id, id_on_host); });
}

absl::Status StoreQueue::ForgetCancel(absl::string_view id_on_host) {
  return WriteNow([&](Store& store) { return store.ForgetCancel(id_on_host); });
}

absl::StatusOr<std::vector<Store::PendingCancel>> StoreQueue::Cancels() {
  return Use([](Store& store) { return store.Cancels(); });
}

absl::Status StoreQueue::MarkFetched(absl::string_view tell_id) {
  return WriteNow([&](Store& store) { return store.MarkFetched(tell_id); });
}

absl::StatusOr<std::vector<StoredTellSummary>> StoreQueue::Summaries(absl::string_view from,
                                                                     bool all) {
  return Use([&](Store& store) { return store.Summaries(from, all); });
}

absl::StatusOr<absl::optional<StoredTellSummary>> StoreQueue::FindSummary(
    absl::string_view tell_id) {
  return Use([&](Store& store) { return store.FindSummary(tell_id); });
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> StoreQueue::Unfetched(absl::string_view from) {
  return Use([&](Store& store) { return store.Unfetched(from); });
}

absl::Status StoreQueue::KeepHouse() {
  return WriteNow([](Store& store) { return store.KeepHouse(); });
}

absl::StatusOr<bool> StoreQueue::GiveBackRoom() {
  return Use([](Store& store) { return store.GiveBackRoom(); });
}

}  // namespace iris
