#ifndef IRIS_COORDINATOR_STORE_TESTING_MEMORY_STORE_H_
#define IRIS_COORDINATOR_STORE_TESTING_MEMORY_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/age_clock.h"
#include "coordinator/kept/answers_kept.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/store/store.h"
#include "coordinator/store/stored.h"

namespace iris {

// All that a MemoryStore has, as it would lie on a disk: it outlives the store, as a file does.
struct MemoryDisk {
  struct Tell {
    StoredTell stored;
    uint64_t order = 0;        // Of acceptance.
    uint64_t settled_seq = 0;  // Of ends; 0: it is open.
    int64_t settled_bytes = 0;
    absl::optional<absl::Duration> unfetched_since;  // By the AgeClock; none: fetched, or open.
    std::string preview, answer_preview;
    size_t answer_bytes = 0;
    std::map<size_t, std::string> pieces;  // Of its text so far, by where they begin.
  };
  struct Cancel {
    std::string id_on_host;
    std::string host;
  };
  struct Place {
    Store::Placed agent;
    absl::Time tried_at = absl::InfinitePast();
  };
  std::string coordinator_id;
  absl::Duration age;
  absl::Time age_saved_at = absl::InfinitePast();
  std::map<std::string, StoredSession> sessions;
  std::map<std::string, Tell> tells;
  std::map<std::string, ReadMark> marks;      // By session.
  std::map<std::string, Cancel> cancels;      // By tell.
  std::map<std::string, absl::Time> answers;  // By team and way.
  std::map<std::string, Place> places;
  uint64_t last_order = 0;
  uint64_t last_settled_seq = 0;
  // What outlives the power; null: all of it.
  std::shared_ptr<const MemoryDisk> synced;
};

// The power fails.
inline void LosePower(MemoryDisk& disk) {
  if (disk.synced != nullptr) disk = MemoryDisk(*disk.synced);
}

struct MemoryStoreOptions {
  std::function<absl::Time()> now = absl::Now;
  AgeClock::Monotonic monotonic = MonotonicNow;
  // As in StoreOptions.
  int64_t settled_tells_max = 1000;
  absl::Duration unfetched_age_max = kAnswersKept;
  int64_t dropped_tells_max = 1000;
};

// A store without a file, whose writes go as a test says. Not thread-safe, but for what `on_write`
// does.
class MemoryStore final : public Store {
 public:
  // What becomes of a write.
  enum class Fate {
    kGoesWell,
    kFails,            // Nothing of it is there.
    kFailsButIsThere,  // It is durable, and reported as failed.
  };
  // Asked before each write, or group of writes (Together(), TogetherUnsynced()), and before
  // Sync(), with the name of the method; may wait, which delays it. Unset: all go well.
  using OnWrite = std::function<Fate(absl::string_view method)>;

  MemoryStore(std::shared_ptr<MemoryDisk> disk, MemoryStoreOptions options);
  MemoryStore() : MemoryStore(std::make_shared<MemoryDisk>(), {}) {}

  void set_on_write(OnWrite on_write) { on_write_ = std::move(on_write); }
  // How many tells FindTell() has found.
  int found() const { return found_; }

  const std::string& coordinator_id() const override { return disk_->coordinator_id; }
  absl::Time Now() const override { return options_.now(); }
  using Store::AddTell;
  using Store::Save;

  absl::Status Together(absl::FunctionRef<absl::Status()> writes) override;
  absl::Status TogetherUnsynced(absl::FunctionRef<absl::Status()> writes) override;
  bool IsSynced() const override { return disk_->synced == nullptr; }
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
  void ForgetUnsaved() override {}
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
  absl::StatusOr<bool> GiveBackRoom() override { return false; }

 private:
  using Tell = MemoryDisk::Tell;

  // Runs `change` as one write.
  absl::Status Write(absl::string_view method, absl::FunctionRef<absl::Status()> change,
                     bool is_synced = true);
  absl::Status WriteGroup(absl::FunctionRef<absl::Status()> writes);
  absl::Time Moment() const;  // Of now, as it is stored.
  Tell* Find(absl::string_view tell_id);
  std::vector<Tell*> InOrder();
  absl::Status SaveCheckpoint(const Checkpoint& checkpoint);
  void Settle(const Settlement& settlement);
  void AddCancel(absl::string_view tell_id, absl::string_view id_on_host);
  void TrimSettled();
  static void Drop(Tell& tell, absl::string_view why);
  void Forget(const std::string& tell_id);
  static StoredTellSummary SummaryOf(const Tell& tell);

  const std::shared_ptr<MemoryDisk> disk_;
  const MemoryStoreOptions options_;
  AgeClock age_;
  OnWrite on_write_;
  bool in_group_ = false;
  int found_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_TESTING_MEMORY_STORE_H_
