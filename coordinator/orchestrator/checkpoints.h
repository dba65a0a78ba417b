#ifndef IRIS_COORDINATOR_ORCHESTRATOR_CHECKPOINTS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_CHECKPOINTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"

namespace iris {

// What an open tell has been answered beyond what the store has of it.
struct UnsavedText {
  std::string tell_id;
  bool void_before = false;  // As in Checkpoint.
  size_t text_at = 0;        // Likewise.
  absl::string_view text;
  std::shared_ptr<const std::string> held_by;  // As long as the text is needed.
  uint64_t round = 0;  // So often the tell's text was void; comes back with OnTextStored().
};

// How a tell ended, with the answer that the settlement refers to.
struct TellEnd {
  Settlement settlement;
  std::shared_ptr<const std::string> answer;
};

// Whose tells Checkpoints stores. Called on the loop; any method of Checkpoints may be called in
// OnPutOffStored(), OnEndsStored() and OnNotStored().
class CheckpointOwner {
 public:
  virtual ~CheckpointOwner() = default;
  // Of the session's tell that is open; nothing: none is.
  virtual absl::optional<UnsavedText> UnsavedTextOf(const std::string& session_id) = 0;
  // Of a tell that End() was called for: it is over, or put off. Asked again where that could not
  // be stored.
  virtual std::variant<TellEnd, Postponement> OutcomeOf(const std::string& tell_id) = 0;

  // These are stored.
  virtual void OnMarkStored(const std::string& session_id, const ReadMark& mark) = 0;
  virtual void OnTextStored(const std::string& tell_id, size_t bytes, uint64_t round) = 0;
  virtual void OnPutOffStored(const std::string& tell_id) = 0;
  virtual void OnEndsStored(const std::vector<std::string>& tell_ids) = 0;
  // What was read of the session is not, nor how `ended` of its tells ended. It is tried again.
  virtual void OnNotStored(const std::string& session_id, const std::vector<std::string>& ended,
                           const absl::Status& why) = 0;
};

// Stores what was read of sessions, every kEvery, and at once where a tell is over, in one
// transaction with how it ended. Only then it is acknowledged, and only then whoever waits hears of
// the end: whoever reads the sessions next, in this life or another, goes on from there.
//
//   Read() ── kEvery ──▶ being stored ──▶ stored
//   End() ─── at once ──▶    ▲    └── failed ──▶ each session alone ── failed ──▶ kAgain ─┐
//                            └────────────────────────────────────────────────────────────┘
//
// A session has one write under way at a time; what comes meanwhile goes with the next one.
//
// Lives on the coordinator's loop.
class Checkpoints {
 public:
  // One write to the disk for all sessions; a loss of power costs at most so much of reading.
  static constexpr absl::Duration kEvery = absl::Milliseconds(50);
  // The disk took nothing: the hosts keep what is not acknowledged meanwhile.
  static constexpr absl::Duration kAgain = absl::Seconds(1);

  // All outlive this.
  Checkpoints(EventLoop& loop, StoreQueue& store, CheckpointOwner& owner)
      : loop_(loop), store_(store), owner_(owner) {}
  ~Checkpoints();
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  // The session was read up to there.
  void Read(const std::string& session_id, const ReadMark& mark);
  // A tell of the session is over, or put off. Stored in a moment, not at once: the mark behind the
  // end is about to come.
  void End(const std::string& session_id, const std::string& tell_id);
  // Posts all that there is, also what the store did not take before.
  void SaveAll();
  // Forgets what is not stored: the hosts have it.
  void Forget();

 private:
  // What is stored of some sessions at a time. The loop goes on meanwhile: texts grow, and are not
  // changed otherwise.
  struct Saving {
    std::set<std::string> session_ids;
    std::vector<Checkpoint> checkpoints;
    std::vector<uint64_t> rounds;  // UnsavedText::round of the checkpoints' tells.
    std::vector<Settlement> settled;
    // What the checkpoints and the settlements refer to: the tells have it too.
    std::vector<std::shared_ptr<const std::string>> texts;
    std::vector<Postponement> put_off;
  };
  using Saved = absl::AnyInvocable<void(const absl::Status& saved)>;

  void PostSave();
  void Save();
  void SaveEach(const std::set<std::string>& session_ids);
  void SaveUnsavedLater();
  // None of them is being stored. `saved` comes when they were, or with why they are not.
  void SaveSessions(const std::set<std::string>& session_ids, Saved saved);
  void AddCheckpoint(const std::string& session_id, Saving& saving);
  // How all of those sessions' tells ended that are over.
  void AddEnds(Saving& saving);
  void OnSaved(const Saving& saving);
  void OnNotSaved(const std::string& session_id, const absl::Status& why);

  EventLoop& loop_;
  StoreQueue& store_;
  CheckpointOwner& owner_;
  std::map<std::string, ReadMark> read_;  // By session_id: since the last checkpoint.
  // Tells that are over and not stored so, by their sessions, in the order of their ends.
  std::vector<std::pair<std::string, std::string>> ended_;
  std::set<std::string> unsaved_;  // Sessions that the store did not take.
  std::set<std::string> saving_;   // Sessions that are being stored.
  bool saves_again_ = false;       // Save() has left some of them out.
  bool save_posted_ = false;
  EventLoop::TimerId checkpoint_timer_ = 0;
  EventLoop::TimerId unsaved_timer_ = 0;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_CHECKPOINTS_H_
