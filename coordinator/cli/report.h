#ifndef IRIS_COORDINATOR_CLI_REPORT_H_
#define IRIS_COORDINATOR_CLI_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// How commands print what they found, for people and with --json.

// Prints what `status` says to stderr: kind, detail and fix.
void PrintFailure(const absl::Status& status);

// What a command exits with that cannot get to work: kExitConfig where the configuration is to
// blame.
int ExitCodeForStart(const absl::Status& status);

struct TellReport {
  std::string tell_id;
  absl::Status status;            // OK = answered, or detached.
  std::string text;               // The answer; with a failure the partial text.
  uint64_t structured_bytes = 0;  // The last ones of `text` are JSON.
  v1::TurnAccount account;        // All unset: not known.
  bool detached = false;          // Nobody waits: the id is all there is.
  absl::Duration duration;
};

// Returns whether all of it could be written to stdout. People get the text there, ending in a
// newline, and on stderr a failure, what the turn was denied and what it cost. On a terminal what it
// would obey is not printed as it is (Printable()).
bool PrintTell(const TellReport& report, bool json);
// What a turn was denied, the key that would have had a person asked, and what it cost: a line each,
// as far as there is anything to say.
std::string AccountLines(const v1::TurnAccount& account);
// {"tell_id", "ok", "answer" or "partial", "structured", "failure": {"kind", "detail", "fix",
// "resets_at_ms"}, "duration_ms", "turn": AccountJson()}; with bytes that are not UTF-8 replaced. "structured" is the JSON
// at the end of "answer", where the team's claude gave one; "failure" is there where ok is false,
// with "resets_at_ms" (Unix time) where that of a limit is known; neither "answer" nor "partial"
// where nobody waits.
std::string TellJson(const TellReport& report);

// Oldest first. `now_ms` is Unix time.
std::string TellsText(const v1::ListTellsResponse& tells, int64_t now_ms);
// {"tells": [{"tell_id", "from", "to", "state", "fetched", "message", "answer_bytes", "answer",
// "failure", "progress", "accepted_at_ms", "settled_at_ms", "turn"}]}; "message" and "answer" are how they
// begin, and what does not apply is left out.
std::string TellsJson(const v1::ListTellsResponse& tells);

// Returns the exit code: kExitFailed where the tell was not cancelled.
int PrintCancel(const std::string& tell_id, const v1::CancelTellOfResponse& response, bool json);

// What became of `iris takeover`, on stdout or stderr. JSON: {"team", "from", "ok", "child_pid" or
// "failure"}.
void PrintTakeover(const std::string& team, const std::string& from,
                   const absl::StatusOr<v1::WakeResponse>& taken, bool json);

// What teams ask and wait for, each with its id. JSON: {"permissions": [{"id", "from", "to",
// "tell_id", "asks", "input", "input_bytes"}]}; "input" is text, and may be cut.
std::string PermissionsText(const v1::GetStatusResponse& status);
std::string PermissionsJson(const v1::GetStatusResponse& status);
// What one asks, whole, with `verdict` empty; else which answer counts. Returns the exit code:
// kExitFailed where that is not this one. JSON: as above, with "answer" and "was_first".
int PrintAnswer(const v1::AnswerPermissionResponse& response, const std::string& verdict,
                bool json);

// Hosts, then sessions. `now_ms` is Unix time.
std::string StatusText(const v1::GetStatusResponse& status, int64_t now_ms);
std::string StatusJson(const v1::GetStatusResponse& status);

std::string TeamsText(const v1::ListTeamsResponse& teams);
std::string TeamsJson(const v1::ListTeamsResponse& teams);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_REPORT_H_
