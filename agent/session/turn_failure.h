#ifndef IRIS_AGENT_SESSION_TURN_FAILURE_H_
#define IRIS_AGENT_SESSION_TURN_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/claude/limit_watch.h"

namespace iris {

// How a turn fails, in words. `who`: the session's claude, as SessionSpec::Who() names it.

// It was cut off because its tell was cancelled.
absl::Status TurnInterrupted(absl::string_view who);
// Its claude was ended by a Close.
absl::Status EndedOnRequest(absl::string_view who);
// It went on because nobody could answer what it had asked: its claude was ended (`closed`: by a
// Close) while it waited.
absl::Status PermissionLost(absl::string_view who, bool closed);
// Its claude lost its agent when it may have had the message, and nothing says how that came out.
absl::Status TranscriptElsewhere(absl::string_view who);
// The account's limit is reached.
absl::Status LimitReached(absl::string_view who, const LimitWatch& limit);
// Nothing says how it ended; `detail` may be empty, and is cut.
absl::Status NothingSays(absl::string_view what, absl::string_view detail);

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_TURN_FAILURE_H_
