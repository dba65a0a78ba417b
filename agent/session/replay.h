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
#include "agent/claude/said.h"
#include "agent/claude/transcript.h"
#include "agent/process/slow_work.h"
#include "agent/session/lifetime.h"
#include "agent/session/session_log.h"

namespace iris {

// Replays to a session's readers what claude's transcript has of a tell, where its output does not
// have it whole, and what the tell has come to by that. Lives on the process loop; the transcript
// is found and read elsewhere, for as long as kWithin, and nothing here blocks.
class Replay {
 public:
  using Text = std::function<std::string()>;
  // Finds the session's transcript, on any thread, as FindTranscript() does.
  using Finder = std::function<std::string()>;

  using Turn = absl::StatusOr<TranscriptTurn>;
  using Looked = absl::AnyInvocable<void(const Turn&)>;

  // How long a transcript may be looked at: those of other sessions are before it.
  static constexpr absl::Duration kWithin = absl::Minutes(10);

  // `finder`: what finds the session's transcript by what is known now. `who`: its claude, for
  // people. `work` runs it, and reads; null: the loop does.
  Replay(SessionLog& log, std::function<Finder()> finder, Text who, SlowWork* work = nullptr)
      : log_(log), finder_(std::move(finder)), who_(std::move(who)), work_(OrAtOnce(work)) {}

  // What the transcript has of the tell, of which claude has `said` so much, as FindTurn(); later,
  // unless this is gone by then. An error as well: not within kWithin, or nobody can read it now.
  void Look(const std::string& tell_id, const Said& said, Looked done) const;
  // Its readers get these lines in the place of all that they have of it.
  void ReplaceOutput(absl::string_view tell_id, const std::vector<std::string>& lines,
                     absl::string_view reason);

  // What a tell came to whose agent is gone, by `turn`, which is replayed where it has anything.
  // None: claude has not begun it, and may get it. `was_heard`: the journal has output of it.
  // `unless_ended`: what it comes to if its turn did not end well.
  std::optional<absl::Status> OutcomeBy(const Turn& turn, const std::string& tell_id,
                                        bool was_heard,
                                        const absl::Status& unless_ended = absl::OkStatus());
  // Replays the whole answer to a tell whose claude is gone, if `turn` has it: true.
  bool ReplayIfAnswered(const Turn& turn, const std::string& tell_id);
  // Replays one that has come to `outcome`. What it comes to by that.
  absl::Status ReplayWhole(const Turn& turn, const std::string& tell_id,
                           const absl::Status& outcome);

 private:
  SessionLog& log_;
  const std::function<Finder()> finder_;
  const Text who_;
  SlowWork& work_;
  const Lifetime lifetime_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_REPLAY_H_
