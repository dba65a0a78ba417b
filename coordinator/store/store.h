#ifndef IRIS_COORDINATOR_STORE_STORE_H_
#define IRIS_COORDINATOR_STORE_STORE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "coordinator/kept/answers_kept.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/store/stored.h"

namespace iris {

// What the coordinator must not forget: who it is, its sessions, its tells and their answers. Held
// by one process. What a method has written is durable when it returns OK: a loss of power takes
// nothing of it. Only what is written inside TogetherUnsynced() is so later.
//
//   queued → running → settled ── fetched ──▶ settled, goes first ──▶ gone
//                         └── too old, or no room ──▶ dropped: a summary without text and answer
//
// Every error is FAILURE_STORAGE with what fails and the fix, and TroubleOf() says which sort of
// it. Nothing was changed then; or all of it was, where a write is reported as failed that is
// there: what is called again does no harm.
//
// coordinator/store/testing/conformance.h holds every implementation to this. Not thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  // A UUID made with the store.
  virtual const std::string& coordinator_id() const = 0;
  // The store's clock. Thread-safe.
  virtual absl::Time Now() const = 0;

  // Runs `writes`, which calls methods of this store: all that it writes is durable when this
  // returns OK. Else, or where `writes` fails, nothing of it was written, as above. Not to be
  // called from inside.
  virtual absl::Status Together(absl::FunctionRef<absl::Status()> writes) = 0;
  // The same for what nobody relies on yet: when this returns OK it outlives this process, and the
  // power only once IsSynced(). What a loss of power takes is all of the last that was written so,
  // and nothing that is older than what it leaves.
  virtual absl::Status TogetherUnsynced(absl::FunctionRef<absl::Status()> writes) = 0;
  // All that was written is durable: none of it came from TogetherUnsynced(), or something else was
  // written behind it, or Sync() has returned OK.
  virtual bool IsSynced() const = 0;
  // Waits for the disk where it has to. To be called again where it fails.
  virtual absl::Status Sync() = 0;

  // The pair's session; the first call makes it.
  virtual absl::StatusOr<StoredSession> GetOrCreateSession(absl::string_view from,
                                                           absl::string_view to) = 0;
  // All of them, the most recently used first.
  virtual absl::StatusOr<std::vector<StoredSession>> Sessions() = 0;

  // Stores a new tell. Where it fails the tell is not there, or whether it is cannot be read. One
  // that is there already stays as it is; kConflict: it is another one of that id. kLost: the store
  // was removed or replaced since it was opened; what is open already goes on.
  virtual absl::Status AddTell(const NewTell& tell) = 0;
  absl::Status AddTell(absl::string_view tell_id, absl::string_view session_id,
                       absl::string_view text, TellState state = TellState::kQueued,
                       bool wait_for_limit = false, bool wait_for_host = false,
                       absl::string_view way = "") {
    return AddTell({.tell_id = std::string(tell_id),
                    .session_id = std::string(session_id),
                    .text = std::string(text),
                    .state = state,
                    .wait_for_limit = wait_for_limit,
                    .wait_for_host = wait_for_host,
                    .way = std::string(way)});
  }
  virtual absl::StatusOr<absl::optional<StoredTell>> FindTell(absl::string_view tell_id) = 0;
  // A queued tell is about to be given to its team; a running one was not, and waits again. Nothing
  // happens to one that is not so.
  virtual absl::Status MarkRunning(absl::string_view tell_id) = 0;
  virtual absl::Status MarkQueued(absl::string_view tell_id) = 0;
  // All of it or nothing: how far sessions were read, and which tells ended or were put off by
  // then. The texts of checkpoints are forgotten when their tells are settled. Settled tells have
  // not been fetched by anybody; what is beyond the limits is forgotten for them. One that is
  // settled already stays as it is.
  virtual absl::Status Save(const std::vector<Checkpoint>& checkpoints,
                            const std::vector<Settlement>& settlements,
                            const std::vector<Postponement>& postponements) = 0;
  absl::Status Save(const std::vector<Checkpoint>& checkpoints,
                    const std::vector<Settlement>& settlements) {
    return Save(checkpoints, settlements, {});
  }
  // Gives the disk back what calls of Save() that failed have written for nothing. May take a
  // while. Not to be called inside Together().
  virtual void ForgetUnsaved() = 0;
  // The session's last mark; one without a journal if there is none.
  virtual absl::StatusOr<ReadMark> FindMark(absl::string_view session_id) = 0;
  // What an open tell has been answered so far, by its checkpoints.
  virtual absl::StatusOr<std::string> FindText(absl::string_view tell_id) = 0;
  // The host of a team answers, by the way to it that is configured now; and whether it has in the
  // last kAnswerCounts. `way` is the caller's, and must hold no secret.
  static constexpr absl::Duration kAnswerCounts = kAnswersKept;
  virtual absl::Status NoteAnswer(absl::string_view team, absl::string_view way) = 0;
  virtual absl::StatusOr<bool> HasAnswered(absl::string_view team, absl::string_view way) = 0;

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
  virtual absl::Status NotePlaced(const Placed& agent) = 0;
  virtual absl::Status NoteTriedPlaces(const std::vector<std::string>& places) = 0;
  virtual absl::Status ForgetPlaced(absl::string_view place) = 0;
  virtual absl::StatusOr<std::vector<Placed>> AllPlaced() = 0;

  // The ids of all tells that are not settled, in the order of acceptance.
  virtual absl::StatusOr<std::vector<std::string>> OpenTells() = 0;

  // A tell is cancelled, and its host, which is that of its session's mark and calls it
  // `id_on_host`, is to hear of it; and it has. Until then it is among Cancels(), open or settled,
  // unless the tell is forgotten, or the agent there was ended (ForgetPlaced()). Noted again it
  // keeps its host: by then the session may have another one.
  struct PendingCancel {
    std::string tell_id;
    std::string id_on_host;
    std::string host;  // HostMark::key; empty: not known.
    std::string session_id;
    std::string from;
    std::string to;
  };
  virtual absl::Status NoteCancel(absl::string_view tell_id, absl::string_view id_on_host) = 0;
  virtual absl::Status ForgetCancel(absl::string_view id_on_host) = 0;
  virtual absl::StatusOr<std::vector<PendingCancel>> Cancels() = 0;

  // Somebody was given the outcome of a settled tell. Nothing happens to one that is open or not
  // there.
  virtual absl::Status MarkFetched(absl::string_view tell_id) = 0;
  // The newest 1,000 tells that are open or not fetched, with `all` the others too; of one caller,
  // or with an empty `from` of everybody. In the order of acceptance.
  virtual absl::StatusOr<std::vector<StoredTellSummary>> Summaries(absl::string_view from,
                                                                   bool all) = 0;
  virtual absl::StatusOr<absl::optional<StoredTellSummary>> FindSummary(
      absl::string_view tell_id) = 0;
  // A caller's settled tells that nobody has fetched and that are not dropped, in the order of
  // acceptance.
  struct WaitingAnswer {
    std::string tell_id;
    std::string to;
  };
  virtual absl::StatusOr<std::vector<WaitingAnswer>> Unfetched(absl::string_view from) = 0;
  // To be called now and then: drops what is too old, and saves how far the AgeClock is.
  virtual absl::Status KeepHouse() = 0;
  // Gives some of the room that nothing uses back to the disk; takes milliseconds. True: there is
  // more.
  virtual absl::StatusOr<bool> GiveBackRoom() = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_H_
