#ifndef IRIS_AGENT_SESSION_CHILD_END_H_
#define IRIS_AGENT_SESSION_CHILD_END_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/claude_child.h"
#include "agent/process/child.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Why one child of a session after the other was not ready or ended, as whoever waits for it hears.
// Lives on the process loop.
class ChildEnd {
 public:
  using Text = std::function<std::string()>;

  // What it has to be told of a child that ends.
  struct Child {
    std::string program;  // Absolute path; may be empty.
    std::string stderr_tail;
    absl::Duration lived;

    static Child Of(const ClaudeChild& child);
  };

  // `who`: the session's claude, for people.
  explicit ChildEnd(Text who) : who_(std::move(who)) {}

  void OnStarting() { reason_ = v1::Exited::BY_ITSELF; }
  // It has finished a turn: nothing says that it ends each time.
  void OnTurnOver() { early_ends_ = 0; }
  // It is being ended for this; the first reason counts.
  void OnEnding(v1::Exited::Reason reason) {
    if (reason_ == v1::Exited::BY_ITSELF) reason_ = reason;
  }
  v1::Exited::Reason reason() const { return reason_; }

  // It did not become ready within `limit`, or as NotReady says; `why` in its own words.
  absl::Status WhyNotReady(const Child& child, NotReady reason, const std::string& why,
                           absl::Duration limit) const;
  // It ended. Once for each.
  absl::Status WhyEnded(const Child& child, const absl::StatusOr<ExitStatus>& how,
                        bool was_starting);
  // It is being ended since it asked without end, and read none of the answers.
  absl::Status WhyDeaf() const;
  // It ended by itself because `session_id` has a transcript already, by its own words. Where none
  // was found, that is elsewhere: the program may be a wrapper with a CLAUDE_CONFIG_DIR of its own.
  bool SaysItIsElsewhere(const Child& child, absl::string_view session_id) const;
  // The same as an event.
  v1::Exited Describe(const Child& child, const absl::StatusOr<ExitStatus>& how) const;

 private:
  // By itself, or by others than us.
  absl::Status WhyItEnded(const Child& child, const ExitStatus& how, bool was_starting);
  // "claude for team gpu on gpu1 (/usr/bin/claude)".
  std::string WhoRuns(const Child& child) const;

  const Text who_;
  v1::Exited::Reason reason_ = v1::Exited::BY_ITSELF;
  int early_ends_ = 0;  // Children in a row that ended right after their start, by themselves.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_CHILD_END_H_
