#ifndef IRIS_COORDINATOR_STORE_STORE_H_
#define IRIS_COORDINATOR_STORE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/age_clock.h"
#include "coordinator/store/answers_kept.h"
#include "coordinator/store/database.h"
#include "coordinator/transport/read_mark.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One conversation of the caller `from` with the team `to`.
struct StoredSession {
  std::string session_id;  // UUID; claude's session id.
  std::string from;
  std::string to;
  absl::Time created_at;
  absl::Time last_used_at = absl::InfinitePast();  // When a tell was last accepted or settled.
  uint64_t message_count = 0;                      // Tells settled.
  bool is_new = false;                             // GetOrCreateSession() has just made it.
};

enum class TellState { kQueued, kRunning, kSettled };

struct StoredTell {
  std::string tell_id;
  std::string session_id;
  std::string from;  // The session's.
  std::string to;
  std::string text;
  TellState state = TellState::kQueued;
  absl::Time accepted_at;
  bool wait_for_limit = false;                   // As in TellSpec.
  bool wait_for_host = false;                    // Likewise.
  std::string way;                               // The sender's WayVariables(); empty: not known.
  absl::Time not_before = absl::InfinitePast();  // As in Postponement, the last one.
  int limit_waits = 0;                           // Likewise.
  absl::Time settled_at = absl::InfinitePast();
  absl::Status outcome;         // Once settled.
  std::string answer;           // Once settled; with a failure the partial text.
  size_t structured_bytes = 0;  // The last ones of the answer are JSON.
  v1::TurnAccount account;      // What its turn cost, once settled; all unset: not known.
  bool fetched = false;         // Somebody was given the outcome.
  bool dropped = false;         // Text and answer are gone; the outcome says why.
};

// What was read of a session since its last checkpoint, to be stored at once.
struct Checkpoint {
  std::string session_id;
  ReadMark mark;
  std::string tell_id;       // The open tell that it belongs to; empty: no text.
  bool void_before = false;  // What is stored of the tell's text does not count.
  size_t text_at = 0;        // Where in the tell's text `text` begins: behind what is stored of it.
  absl::string_view text;
};

// How an open tell ended, to be stored.
struct Settlement {
  std::string tell_id;
  absl::Status outcome;
  absl::string_view answer;     // With a failure the partial text.
  size_t structured_bytes = 0;  // The last ones of it are JSON.
  v1::TurnAccount account;      // As in StoredTell.
  std::string cancel_on_host;   // As `id_on_host` of NoteCancel(), which is done too; empty: not.
};

// A running tell is to be queued again; what was stored of its text does not count.
struct Postponement {
  std::string tell_id;
  absl::Time not_before;  // To the millisecond.
  int waits = 0;          // So often it was put off, with this one.
};

// A tell without its text and answer.
struct StoredTellSummary {
  std::string tell_id;
  std::string from;
  std::string to;
  TellState state = TellState::kQueued;
  bool fetched = false;
  bool dropped = false;
  absl::Status outcome;       // Once settled.
  uint64_t answer_bytes = 0;  // Once settled.
  absl::Time accepted_at;
  absl::Time settled_at = absl::InfinitePast();
  std::string preview;         // How the text begins: ≤ 120 bytes, whole characters.
  std::string answer_preview;  // How the answer begins, likewise; once settled.
  v1::TurnAccount account;     // As in StoredTell.
};

struct StoreOptions {
  std::string path;  // Its directory is made, 0700.
  std::function<absl::Time()> now = absl::Now;
  AgeClock::Monotonic monotonic = MonotonicNow;
  // Decides the journal mode: WAL, or DELETE on a network file system. Unset = asks the kernel.
  std::function<bool(const std::string& path)> on_network_fs;
  std::string vfs;  // As Database::Open().
  // Settled tells that are kept: as many as fit into both. What was fetched goes first, the longest
  // settled before others.
  int64_t settled_tells_max = 1000;
  int64_t settled_bytes_max = int64_t{1} << 30;  // Of texts and answers; the newest always stays.
  // What nobody has fetched is dropped at this age, by the AgeClock.
  absl::Duration unfetched_age_max = kAnswersKept;
  // Dropped tells whose summaries are kept, until they are twice as old as that.
  int64_t dropped_tells_max = 1000;
};

// What the coordinator must not forget: who it is, its sessions, its tells and their answers. One
// SQLite file, 0600, held by one process. Every method but MarkFetched() is durable when it
// returns.
//
//   queued → running → settled ── fetched ──▶ settled, goes first ──▶ gone
//                         └── too old, or no room ──▶ dropped: a summary without text and answer
//
// Every error is FAILURE_STORAGE with the path and the fix. Nothing was changed then; or all of it
// was, where a network file system reports a commit as failed that is there: what is called again
// does no harm.
// Not thread-safe.
class Store {
 public:
  // FAILURE_STORAGE also: another process holds the file, or it is not a store (moved away by the
  // user it is made anew). FAILURE_VERSION: it was written by a newer iris.
  static absl::StatusOr<std::unique_ptr<Store>> Open(StoreOptions options);

  // A UUID made with the store.
  const std::string& coordinator_id() const { return coordinator_id_; }
  absl::Time Now() const { return options_.now(); }

  // The pair's session; the first call makes it.
  absl::StatusOr<StoredSession> GetOrCreateSession(absl::string_view from, absl::string_view to);
  // All of them, the most recently used first.
  absl::StatusOr<std::vector<StoredSession>> Sessions();

  // Stores a new tell, as queued, or as running where the team gets it at once: then MarkRunning()
  // does nothing. `way` as in StoredTell, and must hold no secret. Its id must not be there yet.
  // Where it fails the tell is not there, or whether it is cannot be read. It does, too, where the
  // store was removed or replaced since it was opened; what is open already goes on.
  absl::Status AddTell(absl::string_view tell_id, absl::string_view session_id,
                       absl::string_view text, TellState state = TellState::kQueued,
                       bool wait_for_limit = false, bool wait_for_host = false,
                       absl::string_view way = "");
  absl::StatusOr<absl::optional<StoredTell>> FindTell(absl::string_view tell_id);
  // A queued tell is about to be given to its team; a running one was not, and waits again. Nothing
  // happens to one that is not so.
  absl::Status MarkRunning(absl::string_view tell_id);
  absl::Status MarkQueued(absl::string_view tell_id);
  // All of it or nothing: how far sessions were read, and which tells ended or were put off by
  // then. The texts of checkpoints are forgotten when their tells are settled. Settled tells have
  // not been fetched by anybody; what is beyond the limits is forgotten for them. One that is
  // settled already stays as it is.
  absl::Status Save(const std::vector<Checkpoint>& checkpoints,
                    const std::vector<Settlement>& settlements,
                    const std::vector<Postponement>& postponements = {});
  // Gives the disk back what calls of Save() that failed have written for nothing. Takes as long as
  // a checkpoint of SQLite's.
  void ForgetUnsaved();
  // The session's last mark; one without a journal if there is none.
  absl::StatusOr<ReadMark> FindMark(absl::string_view session_id);
  // What an open tell has been answered so far, by its checkpoints.
  absl::StatusOr<std::string> FindText(absl::string_view tell_id);
  // The host of a team answers, by the way to it that is configured now; and whether it has in the
  // last kAnswerCounts. `way` is the caller's, and must hold no secret.
  static constexpr absl::Duration kAnswerCounts = kAnswersKept;
  absl::Status NoteAnswer(absl::string_view team, absl::string_view way);
  absl::StatusOr<bool> HasAnswered(absl::string_view team, absl::string_view way);

  // An agent was seen at a place; somebody tries to end these; and one is there no more, nor what
  // was to be cancelled there. Kept until then, the newest kPlacedMax. First those that were not
  // tried since they were seen, then what was tried the longest ago; of those alike the newest.
  // `way` likewise.
  struct Placed {
    std::string place;
    std::string name;  // For people.
    std::string way;
    absl::Time at = absl::InfinitePast();  // When it was seen; NotePlaced() takes the time of now.
  };
  static constexpr int64_t kPlacedMax = 1000;
  absl::Status NotePlaced(const Placed& agent);
  absl::Status NoteTriedPlaces(const std::vector<std::string>& places);
  absl::Status ForgetPlaced(absl::string_view place);
  absl::StatusOr<std::vector<Placed>> AllPlaced();

  // The ids of all tells that are not settled, in the order of acceptance.
  absl::StatusOr<std::vector<std::string>> OpenTells();

  // A tell is cancelled, and its host, which is that of its session's mark and calls it
  // `id_on_host`, is to hear of it; and it has. Until then it is among Cancels(), open or settled,
  // unless the tell is forgotten, or the agent there was ended (ForgetPlaced()).
  struct PendingCancel {
    std::string tell_id;
    std::string id_on_host;
    std::string host;  // HostMark::key; empty: not known.
    std::string session_id;
    std::string from;
    std::string to;
  };
  absl::Status NoteCancel(absl::string_view tell_id, absl::string_view id_on_host);
  absl::Status ForgetCancel(absl::string_view id_on_host);
  absl::StatusOr<std::vector<PendingCancel>> Cancels();

  // Somebody was given the outcome of a settled tell. Nothing happens to one that is open or not
  // there. Outlives this process at once, and the power once something else is stored: who does not
  // know of it asks again.
  absl::Status MarkFetched(absl::string_view tell_id);
  // The newest 1,000 tells that are open or not fetched, with `all` the others too; of one caller,
  // or with an empty `from` of everybody. In the order of acceptance.
  absl::StatusOr<std::vector<StoredTellSummary>> Summaries(absl::string_view from, bool all);
  absl::StatusOr<absl::optional<StoredTellSummary>> FindSummary(absl::string_view tell_id);
  // A caller's settled tells that nobody has fetched and that are not dropped, in the order of
  // acceptance.
  struct WaitingAnswer {
    std::string tell_id;
    std::string to;
  };
  absl::StatusOr<std::vector<WaitingAnswer>> Unfetched(absl::string_view from);
  // To be called now and then: drops what is too old, and saves how far the AgeClock is.
  absl::Status KeepHouse();
  // Gives some of the file's room that nothing uses back to the disk; takes milliseconds. True: there
  // is more.
  absl::StatusOr<bool> GiveBackRoom();

 private:
  Store(StoreOptions options, std::unique_ptr<Database> database)
      : options_(std::move(options)), database_(std::move(database)) {}

  // Runs a statement that has no parameters but `values`.
  absl::Status Run(absl::string_view sql, std::initializer_list<int64_t> values);

  absl::Status ChooseJournal();
  absl::Status KeepBelowFileLimit();
  absl::StatusOr<int64_t> Pragma(absl::string_view name);
  absl::Status MakeShrinkable();
  absl::Status MakeSchema();
  absl::Status LoadCoordinator();
  absl::StatusOr<absl::optional<StoredSession>> FindSession(absl::string_view from,
                                                            absl::string_view to);
  absl::Status SaveAll(const std::vector<Checkpoint>& checkpoints,
                       const std::vector<Settlement>& settlements,
                       const std::vector<Postponement>& postponements);
  absl::Status SaveMark(const std::string& session_id, const ReadMark& mark);
  absl::Status SaveEnd(const std::string& session_id, const SharedText& end);
  absl::Status SaveText(const Checkpoint& checkpoint);
  absl::Status ForgetText(absl::string_view tell_id);
  absl::Status PutOff(const Postponement& postponement);
  // What is settled and kept: counted, since looking for it would take each settlement longer.
  struct Kept {
    int64_t tells = 0;
    int64_t bytes = 0;
  };
  absl::StatusOr<Kept> CountKept();
  // Counts it in `kept`.
  absl::Status Settle(const Settlement& settlement, Kept& kept);
  absl::Status CountMessage(absl::string_view tell_id, int64_t now_ms);
  // Forgets what is beyond the limits; returns what is left of `kept`.
  absl::StatusOr<Kept> TrimSettled(Kept kept);
  // Forgets the one of those that were fetched, or of all, that goes first: wholly, or but for its
  // summary. False: there is none.
  absl::StatusOr<bool> ForgetOne(bool fetched, Kept& kept);
  absl::Status Drop(absl::string_view tell_id, absl::string_view why);
  absl::StatusOr<std::vector<StoredTellSummary>> SummariesWhere(
      absl::string_view condition, std::initializer_list<absl::string_view> values);
  int64_t NowMs() const { return absl::ToUnixMillis(options_.now()); }
  int64_t AgeMs() const { return absl::ToInt64Milliseconds(age_.Age()); }

  const StoreOptions options_;
  const std::unique_ptr<Database> database_;
  std::string coordinator_id_;
  AgeClock age_;
  std::map<std::string, SharedText> ends_;  // TurnMark::end as it is stored, by session.
  absl::optional<Kept> kept_;               // Nullopt: to be counted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_H_
