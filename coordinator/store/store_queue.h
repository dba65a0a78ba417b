#ifndef IRIS_COORDINATOR_STORE_STORE_QUEUE_H_
#define IRIS_COORDINATOR_STORE_STORE_QUEUE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_executor.h"
#include "coordinator/store/stored.h"

namespace iris {

// A store as the coordinator's loop uses it: what is posted is written elsewhere, and the loop does
// not wait for the disk (docs/adr/0015, 0016).
//
//   loop ── Post() ──▶ [ write | write ] ──▶ executor: one transaction ──▶ loop: `done` each
//
// Writes happen in the order in which they are posted, and so do their `done`. What waits is
// written in one transaction, with one wait for the disk; where that fails, each by itself, and
// each hears its own outcome. Where all of it is unsynced there is no wait: that comes with the
// next write that has one, or a moment later. What is read with Read() is read in its turn, and is
// durable. The methods of Store may be called too: one that writes happens behind what was posted,
// and the loop waits for it; one that reads sees what is written by then, and waits for the write
// that is under way. AllPlaced() is read in its turn too, and waited for; GetOrCreateSession() does
// not wait for its turn: nothing that was posted can need it. Together() and TogetherUnsynced() are
// not for here.
//
// Lives on the coordinator's loop.
class StoreQueue final : public Store {
 public:
  // On the executor. May be called twice: the second time where nothing of the first is there, or
  // all of it.
  using Write = absl::AnyInvocable<absl::Status(Store& store)>;
  using Done = absl::AnyInvocable<void(const absl::Status& written)>;
  using Durable = absl::AnyInvocable<void()>;
  enum class Company {
    kOthers,  // In one transaction with what waits beside it.
    kNone,    // What cannot be, or must not hold that up.
  };
  // What waits at most, of writes and of their bytes. A single one may be larger.
  static constexpr size_t kWaitingMax = 10'000;
  static constexpr size_t kWaitingBytesMax = 64 << 20;
  // So long what is unsynced may be so, if somebody waits for it: a message that is answered by
  // then waits for the disk once. And if that fails, so long until it is tried again.
  static constexpr absl::Duration kSyncWithin = absl::Milliseconds(2);
  static constexpr absl::Duration kSyncAgain = absl::Seconds(1);

  // Everything at once, and on the loop: for simulations and tests. Both outlive the queue.
  StoreQueue(EventLoop& loop, Store& store) : StoreQueue(loop, store, nullptr) {}
  // `executor` outlives the queue too.
  StoreQueue(EventLoop& loop, Store& store, StoreExecutor& executor)
      : StoreQueue(loop, store, &executor) {}
  // What was posted is written; nobody hears of it any more.
  ~StoreQueue() override;

  // `done`, which may be null, comes on the loop with the outcome of Store; without an executor,
  // and where too much waits (FAILURE_STORAGE), from inside. `bytes`: what `write` holds.
  void Post(Write write, Done done, size_t bytes = 0, Company company = Company::kOthers);
  // The same for what nobody relies on yet: `written` says that it outlives this process, and
  // `durable`, which comes behind that unless it failed, that it outlives the power. Null: nobody
  // asks for that.
  void PostUnsynced(Write write, Done written, Durable durable, size_t bytes = 0);
  // What is unsynced is synced at once, if somebody waits for it.
  void SyncNow();
  // Reads one thing, in company with what was posted.
  void Look(Write look, Done done, size_t bytes = 0);
  // Reads behind what was posted, where that is written. `done` as above, with what `read`
  // returned; FAILURE_STORAGE also where too much waits.
  template <typename Value>
  void Read(absl::AnyInvocable<absl::StatusOr<Value>(Store& store)> read,
            absl::AnyInvocable<void(absl::StatusOr<Value> value)> done) {
    const auto value = std::make_shared<absl::StatusOr<Value>>();
    Post(
        [read = std::move(read), value](Store& store) mutable {
          *value = read(store);
          return value->status();
        },
        [value, done = std::move(done)](const absl::Status& posted) mutable {
          if (!posted.ok()) return done(posted);
          done(std::move(*value));
        },
        /*bytes=*/0, Company::kNone);
  }
  // Waits until all that was posted is written and synced, and its `done` were called. For the end
  // of a life. Where it cannot be synced it is tried again later.
  void Finish();

  const std::string& coordinator_id() const override { return id_; }
  absl::Time Now() const override { return clock_.Now(); }
  using Store::AddTell;
  using Store::Save;

  absl::Status Together(absl::FunctionRef<absl::Status()> writes) override;
  absl::Status TogetherUnsynced(absl::FunctionRef<absl::Status()> writes) override;
  bool IsSynced() const override;
  absl::Status Sync() override;
  absl::StatusOr<StoredSession> GetOrCreateSession(absl::string_view from,
                                                   absl::string_view to) override;
  absl::StatusOr<std::vector<StoredSession>> Sessions() override;
  absl::Status AddTell(const NewTell& tell) override;
  absl::StatusOr<absl::optional<StoredTell>> FindTell(absl::string_view tell_id) override;
  absl::Status MarkRunning(absl::string_view tell_id) override;
  absl::Status MarkQueued(absl::string_view tell_id) override;
  absl::Status Save(const std::vector<Checkpoint>& checkpoints,
                    const std::vector<Settlement>& settlements,
                    const std::vector<Postponement>& postponements) override;
  void ForgetUnsaved() override;
  absl::StatusOr<ReadMark> FindMark(absl::string_view session_id) override;
  absl::StatusOr<std::string> FindText(absl::string_view tell_id) override;
  absl::Status NoteAnswer(absl::string_view team, absl::string_view way) override;
  absl::StatusOr<bool> HasAnswered(absl::string_view team, absl::string_view way) override;
  absl::Status NotePlaced(const Placed& agent) override;
  absl::Status NoteTriedPlaces(const std::vector<std::string>& places) override;
  absl::Status ForgetPlaced(absl::string_view place) override;
  absl::StatusOr<std::vector<Placed>> AllPlaced() override;
  absl::StatusOr<std::vector<std::string>> OpenTells() override;
  absl::Status NoteCancel(absl::string_view tell_id, absl::string_view id_on_host) override;
  absl::Status ForgetCancel(absl::string_view id_on_host) override;
  absl::StatusOr<std::vector<PendingCancel>> Cancels() override;
  absl::Status MarkFetched(absl::string_view tell_id) override;
  absl::StatusOr<std::vector<StoredTellSummary>> Summaries(absl::string_view from,
                                                           bool all) override;
  absl::StatusOr<absl::optional<StoredTellSummary>> FindSummary(absl::string_view tell_id) override;
  absl::StatusOr<std::vector<WaitingAnswer>> Unfetched(absl::string_view from) override;
  absl::Status KeepHouse() override;
  absl::StatusOr<bool> GiveBackRoom() override;

 private:
  enum class Kind {
    kLook,      // Writes nothing.
    kSync,      // Has no `write`.
    kUnsynced,  // Its write need not be synced.
    kDurable,
  };
  struct Item {
    Write write;
    Done done;
    Durable durable;
    Kind kind = Kind::kDurable;
    size_t bytes = 0;
    Company company = Company::kOthers;
    absl::Status written;
    absl::Status* to = nullptr;  // Who waits for it on the loop; null: nobody.
  };
  // What somebody is to hear, on the loop: one of the two.
  struct News {
    Done done;
    absl::Status written;
    Durable durable;
  };

  StoreQueue(EventLoop& loop, Store& store, StoreExecutor* executor);
  void PostItem(Item item);
  void Add(Item item);
  // Posts it and waits.
  absl::Status WriteNow(Write write, Company company = Company::kOthers);
  // On the executor: writes what waits, or the first part of it.
  void Work();
  std::vector<Item> NextBatch();
  // Whether all is synced then.
  static bool WriteBatch(Store& store, std::vector<Item>& batch);
  static void WriteAll(Store& store, std::vector<Item>& batch);
  // `durable`: also where unsynced would do.
  static absl::Status WriteOne(Store& store, Item& item, bool durable);
  void NoteWritten(std::vector<Item>& batch, bool is_synced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver();
  // On the loop itself: writes it, and whoever waits for that hears of it.
  void WriteHere(Item item);
  void SyncLater();
  template <typename Call>
  auto Use(Call call) const {
    absl::MutexLock lock(&store_mutex_);
    return call(store_);
  }

  EventLoop& loop_;
  StoreExecutor* const executor_;  // Null: the loop itself.
  const std::string id_;
  const Store& clock_;  // For Now() alone.

  // Held while the store is used. Never together with the other one.
  mutable absl::Mutex store_mutex_;
  Store& store_ ABSL_GUARDED_BY(store_mutex_);

  mutable absl::Mutex mutex_;
  std::deque<Item> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<News> news_ ABSL_GUARDED_BY(mutex_);         // Nobody has heard of them yet.
  std::vector<Durable> unsynced_ ABSL_GUARDED_BY(mutex_);  // They wait until all is synced.
  bool sync_failed_ ABSL_GUARDED_BY(mutex_) = false;       // The last time that one was asked for.
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool delivers_ ABSL_GUARDED_BY(mutex_) = false;  // Deliver() is posted.
  EventLoop::TimerId sync_timer_ = 0;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_QUEUE_H_
