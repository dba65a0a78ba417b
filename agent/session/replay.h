#ifndef IRIS_AGENT_SESSION_REPLAY_H_
#define IRIS_AGENT_SESSION_REPLAY_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/transcript.h"
#include "agent/process/slow_work.h"
#include "agent/session/lifetime.h"
#include "agent/session/session_log.h"

namespace iris {

// Replays to a session's readers what claude's transcript has of a tell, where its output does not
// have it whole, and what the tell has come to by that. Lives on the process loop. Look() has the
// transcript read elsewhere; all else blocks the loop while it reads (transcript.h).
class Replay {
 public:
  using Text = std::function<std::string()>;

  using Turn = absl::StatusOr<TranscriptTurn>;
  using Looked = absl::AnyInvocable<void(const Turn&)>;

  // How long a transcript may be looked at: those of other sessions are before it.
  static constexpr absl::Duration kWithin = absl::Minutes(10);

  // `path`: of the session's transcript now; "": there is none. `who`: its claude, for people.
  // `work` reads it for Look(); null: the loop does.
  Replay(SessionLog& log, Text path, Text who, SlowWork* work = nullptr)
      : log_(log), path_(std::move(path)), who_(std::move(who)), work_(OrAtOnce(work)) {}

  // What the transcript has of the tell; as FindTurn().
  Turn Find(absl::string_view tell_id) const;
  // The same later, unless this is gone by then. An error as well: not within kWithin.
  void Look(const std::string& tell_id, Looked done) const;
  // Its readers get these lines in the place of all that they have of it.
  void ReplaceOutput(absl::string_view tell_id, const std::vector<std::string>& lines,
                     absl::string_view reason);

  // What a tell came to whose agent is gone, replayed where there is anything. None: claude has
  // not begun it, and may get it. `was_heard`: the journal has output of it. `unless_ended`: what
  // it comes to if its turn did not end well.
  std::optional<absl::Status> OutcomeOf(const std::string& tell_id, bool was_heard,
                                        const absl::Status& unless_ended = absl::OkStatus());
  // The same of what was found.
  std::optional<absl::Status> OutcomeBy(const Turn& turn, const std::string& tell_id,
                                        bool was_heard,
                                        const absl::Status& unless_ended = absl::OkStatus());
  // Replays the whole answer to a tell whose claude is gone, if the transcript has it: true.
  bool ReplayIfAnswered(const std::string& tell_id);
  // Replays one that has come to `outcome`. What it comes to by that.
  absl::Status ReplayWhole(const std::string& tell_id, const absl::Status& outcome);

 private:
  SessionLog& log_;
  const Text path_;
  const Text who_;
  SlowWork& work_;
  const Lifetime lifetime_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_REPLAY_H_
