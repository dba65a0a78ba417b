#ifndef IRIS_COORDINATOR_STORE_SQLITE_SQLITE_STORE_H_
#define IRIS_COORDINATOR_STORE_SQLITE_SQLITE_STORE_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
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
#include "coordinator/store/sqlite/database.h"
#include "coordinator/store/sqlite/known_tells.h"
#include "coordinator/store/store.h"
#include "coordinator/store/stored.h"

namespace iris {

struct StoreOptions {
  std::string path;  // Its directory is made, 0700.
  std::function<absl::Time()> now = absl::Now;
  AgeClock::Monotonic monotonic = MonotonicNow;
  // Decides the journal mode: WAL, or DELETE on a network file system. Unset = asks the kernel.
  std::function<bool(const std::string& path)> on_network_fs;
  std::string vfs;                         // As Database::Open().
  int64_t made_anew_bytes_max = 64 << 20;  // As in StoreFile.
  // Settled tells that are kept: as many as fit into both. What was fetched goes first, the longest
  // settled before others. They go together, when there is a sixteenth more: to take each out by
  // itself would write as much as it did.
  int64_t settled_tells_max = 1000;
  int64_t settled_bytes_max = int64_t{1} << 30;  // Of texts and answers; the newest always stays.
  // What nobody has fetched is dropped at this age, by the AgeClock.
  absl::Duration unfetched_age_max = kAnswersKept;
  // Dropped tells whose summaries are kept, until they are twice as old as that.
  int64_t dropped_tells_max = 1000;
};

// The store as one SQLite file, 0600. Every error is FAILURE_STORAGE with the path and the fix. A
// network file system may report a commit as failed that is there.
// Not thread-safe.
class SqliteStore final : public Store {
 public:
  // FAILURE_STORAGE also: another process holds the file (kConflict), or it is not a store (kLost;
  // moved away by the user it is made anew). FAILURE_VERSION: it was written by a newer iris.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(StoreOptions options);

  const std::string& coordinator_id() const override { return coordinator_id_; }
  absl::Time Now() const override { return options_.now(); }
  using Store::AddTell;
  using Store::Save;

  absl::Status Together(absl::FunctionRef<absl::Status()> writes) override;
  // On a network file system as Together().
  absl::Status TogetherUnsynced(absl::FunctionRef<absl::Status()> writes) override;
  bool IsSynced() const override { return database_->is_synced(); }
  absl::Status Sync() override { return database_->Sync(); }
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
  // Takes as long as a checkpoint of SQLite's.
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
  // Where a mark was read.
  struct MarkPlace {
    std::string journal_id, incarnation;
    HostMark host;
    bool operator==(const MarkPlace&) const = default;
  };

  SqliteStore(StoreOptions options, std::unique_ptr<Database> database, bool has_log)
      : options_(std::move(options)), database_(std::move(database)), has_log_(has_log) {}

  // As Together(), from inside too. Whatever writes goes through this.
  absl::Status Write(absl::FunctionRef<absl::Status()> writes,
                     Durable durable = Durable::kWhenCommitted);
  // Runs a statement that has no parameters but `values`.
  absl::Status Run(absl::string_view sql, std::initializer_list<int64_t> values);
  absl::Status LoadCoordinator();
  // What is known of the file's tells; good until a write fails.
  absl::StatusOr<KnownTells*> Known();
  absl::StatusOr<KnownTells> LoadTells();
  // kLost: `how` it is damaged.
  absl::Status Damaged(absl::string_view how) const;
  // Something was not written: what was known of the file does not count any more.
  void ForgetKnown();

  absl::StatusOr<absl::optional<StoredSession>> FindSession(absl::string_view from,
                                                            absl::string_view to);
  // Its row. kConflict: there is no such session.
  absl::StatusOr<int64_t> NumberOf(const std::string& session_id);
  absl::Status InsertTell(KnownTells& known, const NewTell& tell);
  // The tell is there: whether it is that one, as AddTell() has it.
  absl::Status CheckIsSame(const NewTell& tell);
  absl::Status NoSuchTell(absl::string_view tell_id) const;  // kConflict.
  // Where it is in that state it comes into the other one.
  absl::Status Move(absl::string_view tell_id, TellState from, TellState to);
  absl::Status SaveCheckpoint(KnownTells& known, const Checkpoint& checkpoint);
  absl::Status SaveState(int64_t session, const ReadMark& mark);
  // Where they have changed.
  absl::Status SavePlace(int64_t session, const ReadMark& mark);
  absl::Status SaveEnd(int64_t session, const SharedText& end);
  absl::StatusOr<std::string> PiecesOf(int64_t tell);
  // From there on.
  absl::Status ForgetPieces(int64_t tell, size_t text_at = 0);
  absl::Status PutOff(KnownTells& known, const Postponement& postponement);
  absl::Status Settle(KnownTells& known, const Settlement& settlement);
  absl::Status SaveOutcome(int64_t tell, const Settlement& settlement);
  // How much of a long answer stays where its checkpoints have put it; the rest of them goes.
  absl::StatusOr<size_t> KeepPieces(int64_t tell, const Settlement& settlement);
  absl::Status CountMessage(int64_t session, int64_t now_ms);
  // Forgets what is beyond the limits.
  absl::Status TrimSettled(KnownTells& known);
  absl::Status ForgetTell(KnownTells& known, int64_t tell);
  // What of it is in pieces.
  absl::Status ForgetLongAnswer(const KnownTells::Tell& tell);
  // All but its summary.
  absl::Status Drop(KnownTells& known, int64_t tell, absl::string_view why);
  absl::Status KeepHouse(KnownTells& known);
  static absl::StatusOr<std::vector<StoredTellSummary>> SummariesOf(Statement& query);
  int64_t NowMs() const { return absl::ToUnixMillis(options_.now()); }
  int64_t AgeMs() const { return absl::ToInt64Milliseconds(age_.Age()); }

  const StoreOptions options_;
  const std::unique_ptr<Database> database_;
  const bool has_log_;  // A write-ahead log.
  std::string coordinator_id_;
  AgeClock age_;
  // Of the marks that are stored, what seldom changes; by session.
  std::map<int64_t, MarkPlace> places_;
  std::map<int64_t, SharedText> ends_;
  std::map<std::string, int64_t> sessions_;  // Rows of sessions that were looked for.
  absl::optional<KnownTells> known_;         // Nullopt: to be loaded.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_SQLITE_STORE_H_
