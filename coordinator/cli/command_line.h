#ifndef IRIS_COORDINATOR_CLI_COMMAND_LINE_H_
#define IRIS_COORDINATOR_CLI_COMMAND_LINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace iris {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // The tell failed, or the coordinator did.
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 3;
inline constexpr int kExitNotYet = 4;  // The message is not answered yet; the work goes on.

enum class Verb {
  kNone,
  kServe,
  kTell,
  kTells,
  kCancel,
  kStatus,
  kTeams,
  kTakeover,
  kWake,
  kSleep,
  kAnswer,
  kStop,
  kMcp,
  kVersion
};

// What was asked for. Each field belongs to the verbs that it names.
struct CommandLine {
  Verb verb = Verb::kNone;
  bool json = false;  // All but mcp.

  // tell; team: takeover, wake, sleep, mcp and status (both may be empty) too; from: these but mcp
  // and status, and tells and cancel, where `last` is the newest of its messages. tells without
  // `last` and an id: only its messages.
  std::string team;
  std::string text;
  bool text_from_stdin = false;  // The message is -, and not behind --.
  std::string from;              // Empty: as FindOwnCaller().
  // Empty: a new one. tells, cancel: how it begins; empty: all of them, or with `last` the newest.
  std::string tell_id;
  int64_t timeout_ms = 0;  // 0 = for ever, -1 = not at all.
  bool wait_limit = false;
  std::string when_away;  // "wait", "fail", or empty: "wait" where nobody waits for the answer.

  bool all = false;   // tells: also those that were fetched.
  bool wait = false;  // tells, with one message: until it is settled.
  bool last = false;  // tells, cancel

  bool long_form = false;  // status, teams

  bool agents = false;  // stop
  // stop, with agents: whosever messages they have. sleep: also what is being answered.
  bool force = false;

  // answer
  std::string request_id;  // Empty: all of them.
  std::string verdict;     // "allow", "deny", or empty: only show it.
  std::string message;
  std::string input;

  absl::Duration idle_exit = absl::Minutes(10);  // serve
};

struct ParsedCommandLine {
  CommandLine command;  // kNone: print `message` and exit; `json` counts then too.
  int exit_code = kExitOk;
  std::string message;  // Help for stdout, or with an exit code that is not 0 an error for stderr.
};

// `arguments`: with the program's name.
ParsedCommandLine ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_COMMAND_LINE_H_
