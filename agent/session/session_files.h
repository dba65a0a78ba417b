#ifndef IRIS_AGENT_SESSION_SESSION_FILES_H_
#define IRIS_AGENT_SESSION_SESSION_FILES_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_sync.h"
#include "agent/journal/slot_file.h"
#include "agent/session/saved_session.pb.h"
#include "agent/session/tell_ledger.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What outlives the agent of one session, in a directory of its own:
//
//   state   lease and child (SlotFile: written on a full disk too)
//   launch  how to start claude, since the first Open, but for its environment
//   tells   the ids that are known (TellLedger)
//   mark, *.seg  the journal
//   running the lock of what runs for it (agent/process/life_lock.h)
//
// While a child is noted in the state, what each tell writes (tells, mark, the last segment) stays
// open, as far as there are descriptors (KeptFiles).
//
// Lives on the process loop, which waits for what it saves: some small files, each synced before a
// coordinator or a claude hears of what it says. They lie where the agent keeps all of its own; a
// disk that hangs there holds it up.
class SessionFiles {
 public:
  // What is in `dir`, for the agent's life `incarnation`; an empty or missing directory is a new
  // session. DataLoss: it is damaged beyond use, and to be put aside. FAILURE_STORAGE: it cannot be
  // read or made now.
  static absl::StatusOr<std::unique_ptr<SessionFiles>> Open(JournalSync& disk,
                                                            const std::string& dir,
                                                            const std::string& incarnation,
                                                            const Journal::Limits& limits = {});

  // Whether what is in `dir` may be as it was when its journal had that tail: by two stat()s, for
  // who has many of them. What was changed otherwise, or is damaged, Open() sees.
  static bool LookUnchanged(const std::string& dir, const Journal::Tail& tail);

  const saved::State& state() const { return state_; }
  // Null before the first Open. Without `environment`, which is on no disk, and with `kept` of it.
  const v1::LaunchSpec* launch() const { return opened_ ? &launch_ : nullptr; }

  // From now on what is saved says how old the host was then (HostAge).
  void StampWith(std::function<absl::Duration()> host_age) { host_age_ = std::move(host_age); }

  // Durable when they return OK; else FAILURE_STORAGE, and what was saved before stands. Like
  // CheckRoom(), they make the directory again, and what is above it, where it was removed. That a
  // child is gone is durable with what is saved next: a loss of power, which may bring its note
  // back, has ended it too, and the note says of which boot it was.
  absl::Status SaveState(saved::State state);
  absl::Status SaveLaunch(const v1::LaunchSpec& launch);

  // FAILURE_STORAGE: there is no room for another turn (Journal::CheckRoom()), or no directory.
  absl::Status CheckRoom();

  std::string life_path() const { return dir_ + "/running"; }

  Journal& journal() { return *journal_; }
  const Journal& journal() const { return *journal_; }
  TellLedger& tells() { return *tells_; }
  const TellLedger& tells() const { return *tells_; }

 private:
  explicit SessionFiles(std::string dir) : dir_(std::move(dir)) {}
  absl::Status Load(JournalSync& disk, const std::string& incarnation,
                    const Journal::Limits& limits);
  absl::Status LoadLaunch();
  absl::Status WriteLaunch(const v1::LaunchSpec& launch) const;
  void KeepOpenWhileChildRuns();
  // OK: the directory is there, with all that is known here.
  absl::Status MakeAgain();

  const std::string dir_;
  std::function<absl::Duration()> host_age_;  // Null: it does not grow old.
  bool is_made_again_ = false;  // Somebody had removed it, and it lacks something yet.
  std::unique_ptr<SlotFile> state_file_;
  saved::State state_;
  bool opened_ = false;
  v1::LaunchSpec launch_;
  std::unique_ptr<TellLedger> tells_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_FILES_H_
