#ifndef IRIS_COORDINATOR_STORE_STORE_H_
#define IRIS_COORDINATOR_STORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "coordinator/store/database.h"
#include "coordinator/transport/read_mark.h"

namespace iris {

// One conversation of the caller `from` with the team `to`.
struct StoredSession {
  std::string session_id;  // UUID; claude's session id.
  std::string from;
  std::string to;
  absl::Time created_at;
  absl::Time last_used_at = absl::InfinitePast();  // When a tell was last accepted or settled.
  uint64_t message_count = 0;                      // Tells settled.
};

enum class TellState { kQueued, kRunning, kSettled };

struct StoredTell {
  std::string tell_id;
  std::string session_id;
  std::string from;  // The session's.
  std::string to;
  std::string text;
  TellState state = TellState::kQueued;
  absl::Status outcome;  // Once settled.
  std::string answer;    // Once settled; with a failure the partial text.
  absl::Time accepted_at;
  absl::Time settled_at = absl::InfinitePast();
};

// What was read of a session since its last checkpoint, to be stored at once.
struct Checkpoint {
  std::string session_id;
  ReadMark mark;
  std::string tell_id;       // The open tell that it belongs to; empty: no text.
  bool void_before = false;  // What is stored of the tell's text does not count.
  absl::string_view text;    // What comes after that.
};

struct StoreOptions {
  std::string path;  // Its directory is made, 0700.
  std::function<absl::Time()> now = absl::Now;
  // Decides the journal mode: WAL, or DELETE on a network file system. Unset = asks the kernel.
  std::function<bool(const std::string& path)> on_network_fs;
  // Settled tells that are kept: the newest ones, as many as fit into both.
  int64_t settled_tells_max = 1000;
  int64_t settled_bytes_max = int64_t{1} << 30;  // Of texts and answers; the newest always stays.
};

// What the coordinator must not forget: who it is, its sessions, its tells and their answers. One
// SQLite file, 0600, held by one process. Every method is durable when it returns.
//
// Every error is FAILURE_STORAGE with the path and the fix; nothing was changed then.
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

  // Stores a new tell, as queued, or as running where the team gets it at once: then it needs no
  // MarkRunning(). Its id must not be there yet.
  absl::Status AddTell(absl::string_view tell_id, absl::string_view session_id,
                       absl::string_view text, TellState state = TellState::kQueued);
  absl::StatusOr<absl::optional<StoredTell>> FindTell(absl::string_view tell_id);
  absl::Status MarkRunning(absl::string_view tell_id);
  // Settles an open tell and forgets the oldest ones beyond the limits. False: it is settled
  // already, and stays as it is.
  absl::StatusOr<bool> SettleTell(absl::string_view tell_id, const absl::Status& outcome,
                                  absl::string_view answer);
  // All of them or none. Their texts are forgotten when the tells are settled.
  absl::Status SaveCheckpoints(const std::vector<Checkpoint>& checkpoints);
  // The session's last mark; one without a journal if there is none.
  absl::StatusOr<ReadMark> FindMark(absl::string_view session_id);
  // What an open tell has been answered so far, by its checkpoints.
  absl::StatusOr<std::string> FindText(absl::string_view tell_id);
  // The ids of all tells that are not settled, in the order of acceptance.
  absl::StatusOr<std::vector<std::string>> OpenTells();

 private:
  Store(StoreOptions options, std::unique_ptr<Database> database)
      : options_(std::move(options)), database_(std::move(database)) {}

  absl::Status ChooseJournal();
  absl::Status MakeSchema();
  absl::Status LoadCoordinatorId();
  absl::StatusOr<absl::optional<StoredSession>> FindSession(absl::string_view from,
                                                            absl::string_view to);
  absl::Status SaveMark(absl::string_view session_id, const ReadMark& mark);
  absl::Status SaveText(const Checkpoint& checkpoint);
  absl::Status CountMessage(absl::string_view tell_id, int64_t now_ms);
  // What is settled and kept: counted, since looking for it would take each settlement longer.
  struct Kept {
    int64_t tells = 0;
    int64_t bytes = 0;
  };
  absl::Status CountKept();
  // Forgets the oldest ones beyond the limits; returns what is left of `kept`.
  absl::StatusOr<Kept> TrimSettled(Kept kept);
  int64_t NowMs() const { return absl::ToUnixMillis(options_.now()); }

  const StoreOptions options_;
  const std::unique_ptr<Database> database_;
  std::string coordinator_id_;
  Kept kept_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_H_
