#ifndef IRIS_AGENT_SESSION_STALL_H_
#define IRIS_AGENT_SESSION_STALL_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/line_scanner.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

struct StallLimits {
  absl::Duration quiet = absl::Seconds(10);         // So long nothing is unusual.
  absl::Duration probe_after = absl::Seconds(60);   // After so much silence the child is asked.
  absl::Duration probe_answer = absl::Seconds(15);  // So long it may take to answer.
};

// Says why nothing seems to happen in a session, by what the session sees: the tell, the lines of
// claude, what it asks, and what keeps its output from being read. Looks at the facts of lines and
// never at long ones. Time comes from the caller, who may take any clock that does not jump. Not
// thread-safe.
//
//   tell ──▶ model ⇄ text ──▶ tools ──▶ model …        (a result ends it)
class StallWatch {
 public:
  static constexpr size_t kToolsMax = 64;
  static constexpr size_t kRequestsMax = 64;

  explicit StallWatch(const StallLimits& limits = {}) : limits_(limits) {}

  void OnTellWritten(absl::Time now);
  // The tell was written to a child that another watch has seen this far: these tools run (ids and
  // names).
  void Resume(std::vector<std::pair<std::string, std::string>> tools, absl::Time now);
  const std::vector<std::pair<std::string, std::string>>& tools() const { return tools_; }
  // Settled, or its child is gone.
  void OnTellOver();
  // A line of claude's stdout; `head` is its beginning.
  void OnLine(const LineFacts& facts, absl::string_view head, absl::Time now);
  // Some of a line whose end has not come yet.
  void OnOutput(absl::Time now) { Hear(now); }
  // The child asks, and somebody has to answer. `what` is for people.
  void OnAsked(const std::string& request_id, const std::string& what, absl::Time now);
  // Answered or withdrawn.
  void OnAnswered(const std::string& request_id, absl::Time now);
  // Its output is not read while the journal has no room.
  void OnJournalFull(bool full, absl::Time now);
  void OnStorageFull(bool full, absl::Time now);
  // A child of an earlier agent is waited for: `why`, for people; empty: not any more.
  void OnDraining(absl::string_view why, absl::Time now);

  // True: silent for so long that the child should be asked whether it lives, with any control
  // request; OnProbeSent() and OnProbeAnswered() follow.
  bool WantsProbe(absl::Time now) const;
  void OnProbeSent(absl::Time now) { probe_sent_ = now; }
  void OnProbeAnswered() { probe_sent_.reset(); }

  // None: nothing unusual.
  std::optional<v1::Stall> Diagnose(absl::Time now) const;

 private:
  enum class Wait { kNothing, kModel, kText, kTools };

  // The child lives.
  void Hear(absl::Time now);
  void OnProgress(Wait wait, absl::Time now);
  void OnAssistant(const LineFacts& facts, absl::Time now);
  void OnToolResults(const LineFacts& facts, absl::Time now);

  StallLimits limits_;
  Wait wait_ = Wait::kNothing;  // kNothing: no tell is in flight.
  absl::Time last_sign_;
  std::string retry_;  // The API's last refusal.
  std::string why_draining_;
  std::vector<std::pair<std::string, std::string>> tools_;     // Id and name of those that run.
  std::vector<std::pair<std::string, std::string>> requests_;  // Id and what is asked.
  std::optional<absl::Time> journal_full_, storage_full_, draining_, probe_sent_;  // Since.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_STALL_H_
