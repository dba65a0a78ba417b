#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SETTLING_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SETTLING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/loop/event_loop.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/checkpoints.h"
#include "coordinator/orchestrator/fetched_marks.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"

namespace iris {

// Whose sessions have tells that end. Called on the loop.
class SettlingSink {
 public:
  virtual ~SettlingSink() = default;
  // The session's tell that is under way; empty: none is.
  virtual std::string InFlightOf(const std::string& session_id) = 0;
  // What was read of the session up to there is stored.
  virtual void OnMarkStored(const std::string& session_id, const ReadMark& mark) = 0;
  // That the tell was put off is stored: it goes back to the front of its line, if it is not to end
  // now.
  virtual void OnSentAgain(AcceptedTell& tell) = 0;
  // It is stored how the tell ended, and it is open no more; those who wait hear of it next. Calls
  // nobody.
  virtual void OnSettled(const AcceptedTell& tell) = 0;
};

// How tells come to their ends: noted, stored by Checkpoints in one transaction with how far their
// session was read, and only then said to whoever waits. What the store does not take now is tried
// again; until then the host keeps it, observers wait, and the session's next tell does too.
//
//   End(), PutOff() ──▶ noted ──▶ being stored ──▶ OnSettled(), OnSentAgain() ──▶ observers
//                         └────── not stored: observers hear why ──┘
//
// Lives on the coordinator's loop.
class Settling final : private CheckpointOwner {
 public:
  // All outlive this. What is beyond `answer_bytes_max` of an answer is cut off.
  Settling(EventLoop& loop, StoreQueue& store, OpenTells& tells, WaylessTells& wayless,
           FetchedMarks& fetched, size_t answer_bytes_max, SettlingSink& sink)
      : store_(store),
        tells_(tells),
        wayless_(wayless),
        fetched_(fetched),
        answer_bytes_max_(answer_bytes_max),
        sink_(sink),
        checkpoints_(loop, store, *this) {}

  // The tell is over. Stored in a moment, with all that was read by then. Nothing where it is so
  // already, or not open.
  void End(const std::string& tell_id, const absl::Status& outcome);
  // It is not: it is sent again `until` then.
  void PutOff(const std::string& tell_id, const absl::Status& outcome, absl::Time until);
  // The session was read up to there.
  void Read(const std::string& session_id, const ReadMark& mark) {
    checkpoints_.Read(session_id, mark);
  }

  // Everything stops: it ends as FAILURE_CANCELLED. A host that is away when all agents are to end
  // runs it on, and hears of it later. Of one whose agent ends the store forgets that.
  void StopForGood(const std::string& tell_id);
  // As Checkpoints: of all that there is.
  void SaveAll() { checkpoints_.SaveAll(); }
  void Forget() { checkpoints_.Forget(); }

 private:
  absl::optional<UnsavedText> UnsavedTextOf(const std::string& session_id) override;
  std::variant<TellEnd, Postponement> OutcomeOf(const std::string& tell_id) override;
  void OnMarkStored(const std::string& session_id, const ReadMark& mark) override;
  void OnTextStored(const std::string& tell_id, size_t bytes, uint64_t round) override;
  void OnPutOffStored(const std::string& tell_id) override;
  void OnEndsStored(const std::vector<std::string>& tell_ids) override;
  void OnNotStored(const std::string& session_id, const std::vector<std::string>& ended,
                   const absl::Status& why) override;

  void OnOver(const AcceptedTell& tell);
  void TellWhoWaits(AcceptedTell& tell);

  StoreQueue& store_;
  OpenTells& tells_;
  WaylessTells& wayless_;
  FetchedMarks& fetched_;
  const size_t answer_bytes_max_;
  SettlingSink& sink_;
  Checkpoints checkpoints_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SETTLING_H_
