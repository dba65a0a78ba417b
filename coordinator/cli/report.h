#ifndef IRIS_COORDINATOR_CLI_REPORT_H_
#define IRIS_COORDINATOR_CLI_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/cli/table.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// How commands print what they found, for people and with --json: docs/JSON.md says what that has.

// Prints what `status` says to stderr: kind, detail and fix.
void PrintFailure(const absl::Status& status);
// The same, or with `json` one object on stdout. Returns `exit_code`.
int PrintFailed(const absl::Status& status, bool json, int exit_code);

// Prints `text` to stdout. Returns `exit_code`, or kExitFailed where it could not be written, which
// is said on stderr then.
int PrintOut(const std::string& text, int exit_code);
// Returns whether all of it was written; if not, stderr says why.
bool PrintOut(const std::string& text);

// What a command exits with that a coordinator did not do: kExitUsage where the words of the
// command are to blame, such as the name of a team.
int ExitCodeForRefusal(const absl::Status& status);
// What a command exits with that cannot get to work: kExitConfig where the configuration is to
// blame.
int ExitCodeForStart(const absl::Status& status);

// PrintFailed() with one of these two.
int PrintRefused(const absl::Status& status, bool json);
int PrintNotStarted(const absl::Status& status, bool json);

struct TellReport {
  std::string tell_id;
  absl::Status status;            // OK = answered, or detached.
  std::string text;               // The answer; with a failure the partial text.
  uint64_t structured_bytes = 0;  // The last ones of `text` are JSON.
  v1::TurnAccount account;        // All unset: not known.
  bool detached = false;          // Nobody waits: the id is all there is.
  bool not_yet = false;           // `status` says only that there is no answer yet, and what to do.
  v1::TellSummary::State state = v1::TellSummary::STATE_UNSPECIFIED;  // Unspecified: not known.
  absl::Duration duration;
};

// Returns whether all of it could be written to stdout. People get the text there, ending in a
// newline, and on stderr a failure (and that the text is only a part then), what the turn was
// denied and what it cost. On a terminal what it would obey is not printed as it is (Printable()).
bool PrintTell(const TellReport& report, bool json);
// What a turn was denied, the key that would have had a person asked, and what it cost: a line
// each, as far as there is anything to say.
std::string AccountLines(const v1::TurnAccount& account);
// Bytes that are not UTF-8 are replaced. "structured" is the JSON at the end of "answer", where the
// team's claude gave one; neither "answer" nor "partial" where nobody waits.
std::string TellJson(const TellReport& report);

// Oldest first. `now_ms` is Unix time.
std::string TellsText(const v1::ListTellsResponse& tells, int64_t now_ms, const Screen& screen);
// "message" and "answer" are how they begin, and say whether that is all.
std::string TellsJson(const v1::ListTellsResponse& tells);

// Returns the exit code: kExitFailed where the tell was not cancelled.
int PrintCancel(const std::string& tell_id, const v1::CancelTellOfResponse& response, bool json);

// What teams ask and wait for, each with its id. "input" is text, and says whether that is all.
std::string PermissionsText(const v1::GetStatusResponse& status);
std::string PermissionsJson(const v1::GetStatusResponse& status);
// What one asks, whole, with `verdict` empty; else which answer counts. Returns the exit code:
// kExitFailed where that is not this one.
int PrintAnswer(const v1::AnswerPermissionResponse& response, const std::string& verdict,
                bool json);

struct StatusView {
  int64_t now_ms = 0;  // Unix time.
  Screen screen;
  absl::string_view team;  // The only one that is asked for; empty: all.
  bool long_form = false;  // Connections, agents, what hosts hold, and every session.
  uint64_t unread = 0;     // Answers that nobody has read.
};

// A line for each team that was used, those with problems first; then what is wrong, and how to
// mend it.
std::string StatusText(const v1::GetStatusResponse& status, const StatusView& view);
std::string StatusJson(const v1::GetStatusResponse& status);
// What there is for --json and for people where no coordinator runs.
std::string NotRunning(bool json);
// Of `status` what concerns this team.
v1::GetStatusResponse OnlyOf(const std::string& team, const v1::GetStatusResponse& status);

// A line for each team (there is one at least), with what `status` knows of it; `long_form`: with
// command and path, uncut.
std::string TeamsText(const v1::ListTeamsResponse& teams, const v1::GetStatusResponse& status,
                      const StatusView& view);
std::string TeamsJson(const v1::ListTeamsResponse& teams);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_REPORT_H_
