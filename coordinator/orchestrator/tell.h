#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TELL_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TELL_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "coordinator/caller/caller.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

inline constexpr size_t kTellBytesMax = 8 << 20;

// One message from a caller to a team.
struct TellSpec {
  std::string tell_id;  // UUID, minted by the front end.
  Caller from;          // Its sender: a configured team, or one that needs not be.
  std::string to;       // A configured team.
  std::string text;     // UTF-8, 1 to kTellBytesMax bytes; one less if it begins with "/".
  // Where the account's limit is reached before anything of the turn ran, it is sent again later.
  bool wait_for_limit = false;
  // Where its host is away and has never answered, it waits for that, as long as answers are kept.
  bool wait_for_host = false;
  // Its sender has heard before that it was stored: where it is not known, it is refused as
  // FAILURE_AMBIGUOUS, because a coordinator whose store is gone may have run it.
  bool accepted_before = false;
  // The claude session in whose turn it is sent, where that is known, and whether that turn waits
  // for the answer as long as it takes: what would wait for ever is refused.
  std::string asker_session;
  bool asker_waits = false;
  // The session whose turn waits so; empty: none does.
  std::string waiting_session() const { return asker_waits ? asker_session : std::string(); }
  // The sender's. Null: not known; then this process's own counts.
  SharedEnvironment environment = nullptr;
};

// How a tell ended.
struct TellOutcome {
  absl::Status status;                        // OK = answered.
  std::shared_ptr<const std::string> answer;  // With a failure the partial text. Never null.
  absl::Duration duration;                    // From accepted to settled.
  size_t structured_bytes = 0;                // The last ones of the answer are JSON.
  v1::TurnAccount account;                    // All unset: not known.
};

// Whether a turn's account says anything.
inline bool IsKnown(const v1::TurnAccount& account) {
  return account.has_cost_micro_usd() || account.has_duration_ms() || account.has_output_tokens() ||
         account.tools() > 0 || account.denials() > 0;
}

// Follows one tell. Every call comes on the coordinator's loop.
class TellObserver {
 public:
  virtual ~TellObserver() = default;
  // The tell is stored, and outlives a loss of power. First, and once.
  virtual void OnAccepted(const std::string& session_id) = 0;
  // In the place of all that: the tell was not taken, as Orchestrator::Tell() would have said.
  // Last, and once. The observer may be destroyed in it.
  virtual void OnRefused(const absl::Status& why) {
    OnSettled({.status = why, .answer = std::make_shared<const std::string>(), .duration = {}});
  }
  virtual void OnProgress(const v1::TellProgress& progress) = 0;
  // Last, and once. The observer may be destroyed in it.
  virtual void OnSettled(const TellOutcome& outcome) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TELL_H_
