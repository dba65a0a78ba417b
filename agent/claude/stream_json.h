#ifndef IRIS_AGENT_CLAUDE_STREAM_JSON_H_
#define IRIS_AGENT_CLAUDE_STREAM_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/claude/line_scanner.h"

namespace iris {

// The stream-json protocol of claude, both ways: every line that goes to its stdin is built here,
// and what a line of its stdout says is read here, beyond the fields that LineScanner finds.
//
// Facts: claude 2.1.330 (held to by tests/programs/test_claude_contract.py and its neighbours).
// What an older one does otherwise, down to 2.1.197, is said where it is read.

// ---------------------------------------------------------------------------- lines to claude
// All without their newline. What is not UTF-8 must not get here: claude ends at a line that is no
// JSON.

// A message. claude repeats it with `isReplay` when it takes it up (--replay-user-messages), and
// ignores a uuid that it has begun before.
std::string MessageLine(absl::string_view uuid, absl::string_view text);
// Control requests. Each is answered with a control_response of the same id, `initialize` when
// claude is ready.
std::string InitializeLine(absl::string_view request_id);
// Ends the turn. Drops what claude has read and not begun too, and names that in its answer.
std::string InterruptLine(absl::string_view request_id);
// Changes nothing, and is answered in the middle of a turn too.
std::string ProbeLine(absl::string_view request_id);
// Answers to what claude asks: `decision` is a JSON object, or why there is none.
std::string DecisionLine(absl::string_view request_id, absl::string_view decision);
std::string RefusalLine(absl::string_view request_id, absl::string_view why);

// -------------------------------------------------------------------------- lines from claude

enum class LineKind {
  kNoise,  // No JSON object: of a hook or a wrapper, or a line of claude's that is broken.
  kControlResponse,
  kControlRequest,    // claude asks; `request_id`.
  kRequestWithdrawn,  // It does not ask any more; `request_id`.
  kState,             // Whether it works (`state`), if it was started to say so.
  kApiRetry,
  kRateLimit,
  kSynthetic,  // Words that claude puts into the model's mouth.
  kAssistant,
  kReplay,  // A message that it has taken up.
  kUser,    // Results of tools, mostly.
  kStreamEvent,
  kResult,  // The turn is over.
  kOther,
};
LineKind KindOfLine(const LineFacts& facts);
// What we ask of claude, or claude of us: no news of a turn.
inline bool IsControlLine(LineKind kind) {
  return kind == LineKind::kControlResponse || kind == LineKind::kControlRequest ||
         kind == LineKind::kRequestWithdrawn;
}

// Said by the session's own claude, and no sub-agent of its.
inline bool IsOfMainAgent(const LineFacts& facts) { return facts.parent_tool_use_id.empty(); }
// A reader takes it for an answer, or for its end.
bool SpeaksToAReader(const LineFacts& facts);

struct ControlResponse {
  std::string request_id;
  bool success = false;
  std::string error;
  std::vector<std::string> cancelled;  // By an interrupt: uuids of messages that it had not begun.
};
ControlResponse ReadControlResponse(absl::string_view line);

struct ControlRequest {
  bool readable = false;
  std::string subtype;
  // What cannot be read is most likely a permission too.
  bool asks_permission() const { return !readable || subtype == "can_use_tool"; }
};
ControlRequest ReadControlRequest(absl::string_view line);

// The result line ends the turn that answers the message `uuid`. One of a turn that nobody asked
// for does not. A claude too old to name what it answers has at least replayed the message before.
bool IsResultFor(const LineFacts& facts, absl::string_view uuid, bool replay_seen);
// By a result line. An API error is a "success" with is_error.
bool TurnFailed(const LineFacts& facts);
// The turn was cut off, as by an interrupt.
inline bool TurnBrokeOff(const LineFacts& facts) {
  return facts.subtype == "error_during_execution";
}
// Of a turn that failed. `line` is empty where it was too long to be kept.
struct TurnError {
  std::string text;  // ≤ 2,000 bytes.
  bool logged_out = false;
  absl::string_view fix;  // One of common/failure/agent_fix.h; may be empty.
};
TurnError ReadTurnError(const LineFacts& facts, absl::string_view line);

// kRateLimit, or what a kSynthetic line says of a limit.
struct RateLimitLine {
  bool is_limit = false;     // The API refuses by a limit of the account.
  std::string text;          // In claude's own words, whole; may be empty.
  int64_t resets_at_ms = 0;  // Unix time; 0: it does not say.
};
// Lines longer than this say nothing of limits.
inline constexpr size_t kLimitLineBytesMax = 64 << 10;
RateLimitLine ReadRateLimit(absl::string_view line);
RateLimitLine ReadSynthetic(absl::string_view line);
// Words of a limit: "Session limit reached · resets 10am". Not "Context limit reached": waiting
// does not help.
bool NamesALimit(absl::string_view text);

// A kApiRetry line, for people.
std::string ReadApiRetry(absl::string_view line);

// What a line was that is kNoise; `head` is its beginning.
struct BrokenLine {
  bool of_claude = false;  // One of claude's lines, or some of one, whatever stands before it.
  bool is_result = false;
  bool has_text = false;  // Some of an answer.
};
BrokenLine ReadBrokenLine(absl::string_view head);

// A line, or some of one, that claude says of itself, whether it has taken a message or not; "idle"
// comes behind the result of the turn before.
bool IsAside(absl::string_view line);

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_STREAM_JSON_H_
