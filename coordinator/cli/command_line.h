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

enum class Verb {
  kNone,
  kServe,
  kTell,
  kTells,
  kCancel,
  kStatus,
  kTeams,
  kTakeover,
  kAnswer,
  kStop,
  kMcp,
  kVersion
};

// What was asked for. Each field belongs to the verbs that it names.
struct CommandLine {
  Verb verb = Verb::kNone;
  bool json = false;  // tell, tells, cancel, status, teams, takeover, answer

  // tell; team and from: takeover too; team: mcp too, and may be empty
  std::string team;
  std::string text;        // "-": stdin.
  std::string from;        // Empty: as FindOwnCaller().
  std::string tell_id;     // Empty: a new one. tells: empty: all of them. cancel.
  int64_t timeout_ms = 0;  // 0 = for ever, -1 = not at all.
  bool wait_limit = false;
  std::string when_away;  // "wait", "fail", or empty: "wait" where nobody waits for the answer.

  bool all = false;   // tells: also those that were fetched.
  bool wait = false;  // tells, with an id: until it is settled.

  bool agents = false;  // stop
  bool force = false;   // stop, with agents: whosever messages they have.

  // answer
  std::string request_id;  // Empty: all of them.
  std::string verdict;     // "allow", "deny", or empty: only show it.
  std::string message;
  std::string input;

  absl::Duration idle_exit = absl::Minutes(10);  // serve
};

struct ParsedCommandLine {
  CommandLine command;  // kNone: print `message` and exit.
  int exit_code = kExitOk;
  std::string message;  // Help for stdout, or with an exit code that is not 0 an error for stderr.
};

// `arguments`: with the program's name.
ParsedCommandLine ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_COMMAND_LINE_H_
