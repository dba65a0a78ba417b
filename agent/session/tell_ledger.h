#ifndef IRIS_AGENT_SESSION_TELL_LEDGER_H_
#define IRIS_AGENT_SESSION_TELL_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/claude/said.h"
#include "agent/journal/kept_file.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Which tells a session has met and how far each came, over all lives of the agent: a tell that was
// settled never runs again, also when the journal that says so was trimmed long ago. All that are
// open, and the newest kSettledKept of the others. On disk an append-only file of 17 bytes an
// entry, rewritten when it has grown. Lives on the process loop.
class TellLedger {
 public:
  using Phase = v1::TellState::Phase;

  static constexpr size_t kSettledKept = 4096;

  // The ledger in the file `path`, which need not exist. What a crash has cut off is left out.
  // `kept` outlives it. FAILURE_STORAGE: it cannot be read.
  static absl::StatusOr<std::unique_ptr<TellLedger>> Open(const std::string& path, KeptFiles& kept);
  ~TellLedger();

  // Whether its file stays open behind a Set(): false at first.
  void SetStaysOpen(bool stays) { file_.SetStays(stays); }

  // PHASE_UNSPECIFIED: never met, or forgotten.
  Phase PhaseOf(absl::string_view tell_id) const;
  // The journal says how it was settled, to whoever has not read it. False for one that is settled:
  // that was acknowledged and is gone, or a loss of power has taken it.
  bool HasOutcome(absl::string_view tell_id) const { return outcomes_.contains(tell_id); }
  // What the journal has up to `seq` was read, or is gone: it says nothing new to anybody.
  void ForgetOutcomesUpTo(uint64_t seq);
  // As if it had never been met.
  void Forget(const std::string& tell_id);
  // `tell_id` is a UUID. Written at once; if that fails, with the next one. `seq`: of the event
  // that says how it was settled.
  void Set(const std::string& tell_id, Phase phase, uint64_t seq = 0);
  // Its file was removed.
  absl::Status WriteAnew();
  // What the journal has of a tell counts if it is further. Set() it only after the journal has it:
  // what is between the two when an agent dies is learned here.
  void Learn(const v1::Event& event);
  // This tell was written, and the journal, as it was learned, has output behind that: claude had
  // begun it. Also where it begins in the middle of a turn, the rest being acknowledged and gone.
  bool WasHeard(absl::string_view tell_id) const {
    return heard_ && PhaseOf(tell_id) == v1::TellState::WRITTEN &&
           (!written_.has_value() || *written_ == tell_id);
  }
  // What claude has said of it, by the same.
  Said SaidOf(absl::string_view tell_id) const { return WasHeard(tell_id) ? said_ : Said(); }
  // Those that are not settled, in the order in which they came.
  std::vector<v1::TellState> Open() const;

 private:
  // A line of output that is being learned, in pieces.
  class OutputLine;

  TellLedger(std::string path, KeptFiles& kept);
  void LearnOutput(const v1::Output& output);
  void Note(const std::string& tell_id, Phase phase);
  // Each tell that is known is either open or settled, once.
  void CheckLists() const;
  void NoteOutcome(const std::string& tell_id, uint64_t seq);
  absl::Status Append(const std::string& entry);
  absl::Status Rewrite();

  KeptFile file_;
  absl::flat_hash_map<std::string, Phase> phases_;
  std::deque<std::string> open_;                                  // Oldest first.
  std::deque<std::string> settled_;                               // Oldest first; bounded.
  absl::flat_hash_map<std::string, uint64_t> outcomes_;           // Their events in the journal.
  std::deque<std::pair<uint64_t, std::string>> outcomes_by_seq_;  // These, and some that are gone.
  // Learned: the tell that was written last, to the child that was started last; "" if none was.
  // Unset: the journal does not say.
  std::optional<std::string> written_;
  bool heard_ = false;                // Something, since.
  Said said_;                         // What, since.
  std::unique_ptr<OutputLine> line_;  // Null: none is unfinished.
  size_t entries_ = 0;                // In the file.
  bool behind_ = false;               // The file lacks something.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_TELL_LEDGER_H_
